/** Draws clouds with WebGL2: all points are on the graphics card once, and a picture may take several frames to fill. */

import { MAX_SLOTS } from '../state/layers'
import { clipMatrix, pixelAt } from './camera'
import type { HitWindow } from './hits'
import { POINT, type CloudRenderer, type CloudScene } from './renderer'
import type { Scan } from './scan'
import { LIGHT_FRAGMENT, LIGHT_VERTEX, POINT_FRAGMENT, POINT_VERTEX } from './shaders'
import { compile, type Program } from './program'
import { Target } from './target'

const STYLE_WIDTH = 256
/** In device pixels. Smaller points are squares: nobody sees the corners, and they are drawn much more quickly. */
const ROUND_FROM = 7
/** CSS pixels. */
const LIGHT_RADIUS = 1.4
const POLL_MS = 4
const EVERYWHERE = 3e38

export class WebGlCloudRenderer implements CloudRenderer {
  readonly kind = 'webgl2'
  readonly budget = 600_000
  private readonly points: Program
  private readonly light: Program
  private readonly target: Target
  private readonly array: WebGLVertexArrayObject
  private readonly positions: WebGLBuffer
  private readonly colours: WebGLBuffer
  private readonly marks: WebGLBuffer
  private readonly styles: WebGLTexture
  private scan: Scan | null = null
  private scene: CloudScene | null = null
  private size = { width: 1, height: 1 }

  /** Null where the browser has no WebGL2. */
  static create(canvas: HTMLCanvasElement): WebGlCloudRenderer | null {
    const gl = canvas.getContext('webgl2', { alpha: true, antialias: false, depth: false, powerPreference: 'high-performance' })
    return gl ? new WebGlCloudRenderer(gl) : null
  }

  private constructor(private readonly gl: WebGL2RenderingContext) {
    this.points = compile(gl, POINT_VERTEX, POINT_FRAGMENT)
    this.light = compile(gl, LIGHT_VERTEX, LIGHT_FRAGMENT)
    this.target = new Target(gl)
    this.array = gl.createVertexArray()
    this.positions = gl.createBuffer()
    this.colours = gl.createBuffer()
    this.marks = gl.createBuffer()
    this.styles = gl.createTexture()
    this.describe()
    gl.bindTexture(gl.TEXTURE_2D, this.styles)
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, STYLE_WIDTH, (MAX_SLOTS + 1) / STYLE_WIDTH, 0, gl.RGBA, gl.UNSIGNED_BYTE, null)
  }

  hold(scan: Scan): void {
    const { gl } = this
    this.scan = scan
    for (const [buffer, bytes] of [[this.positions, 12], [this.colours, 4], [this.marks, 4]] as const) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
      gl.bufferData(gl.ARRAY_BUFFER, scan.plan.shown * bytes, gl.DYNAMIC_DRAW)
    }
  }

  append(from: number, to: number): void {
    if (this.scan) this.upload(this.positions, from * 12, this.scan.positions.subarray(from * 3, to * 3))
  }

  setColours(colours: Uint8Array, from: number, to: number): void {
    this.upload(this.colours, from * 4, colours.subarray(from * 4, to * 4))
  }

  setMarks(marks: Uint32Array, from: number, to: number): void {
    this.upload(this.marks, from * 4, marks.subarray(from, to))
  }

  setStyles(table: Uint8Array): void {
    const { gl } = this
    const rows = Math.ceil(table.length / (STYLE_WIDTH * 4))
    const padded = new Uint8Array(rows * STYLE_WIDTH * 4)
    padded.set(table)
    gl.bindTexture(gl.TEXTURE_2D, this.styles)
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, STYLE_WIDTH, rows, gl.RGBA, gl.UNSIGNED_BYTE, padded)
  }

  begin(scene: CloudScene): void {
    const { gl } = this
    this.scene = scene
    const [width, height] = [Math.round(scene.canvas.width * scene.ratio), Math.round(scene.canvas.height * scene.ratio)]
    // Taken over with the first picture of that size: a canvas is empty after it has changed its size.
    this.size = { width, height }
    this.target.fit(width, height)
    this.target.begin()
    if (!this.scan) return
    const { clip, ratio } = scene
    const covered = (scene.spacing * POINT.cover * scene.pointSize * ratio) / pixelAt(scene.canvas, 1)
    const most = POINT.most * scene.pointSize * ratio
    const { points } = this
    gl.useProgram(points.program)
    gl.uniformMatrix4fv(points.at('model'), false, this.scan.model)
    gl.uniformMatrix4fv(points.at('clipMatrix'), false, clipMatrix(scene.camera, scene.canvas, scene.near, scene.far))
    gl.uniform3fv(points.at('clipLow'), clip ? [...clip.low] : [-EVERYWHERE, -EVERYWHERE, -EVERYWHERE])
    gl.uniform3fv(points.at('clipHigh'), clip ? [...clip.high] : [EVERYWHERE, EVERYWHERE, EVERYWHERE])
    gl.uniform1f(points.at('covered'), covered)
    gl.uniform2f(points.at('sizeLimits'), POINT.least * Math.min(scene.pointSize, 1) * ratio, most)
    gl.uniform1i(points.at('round'), covered / (0.5 * (scene.near + scene.far)) >= ROUND_FROM ? 1 : 0)
    gl.uniform1f(points.at('opacity'), scene.opacity)
    gl.uniform1f(points.at('dimmed'), scene.dimmed)
    gl.uniform1i(points.at('masksShown'), scene.masksShown ? 1 : 0)
    gl.uniform3f(points.at('activeColour'), ...this.activeColour(scene))
    gl.uniform1i(points.at('styles'), 0)
  }

  draw(from: number, to: number): void {
    const { gl } = this
    if (to <= from) return
    this.target.bind()
    gl.useProgram(this.points.program)
    gl.bindVertexArray(this.array)
    gl.activeTexture(gl.TEXTURE0)
    gl.bindTexture(gl.TEXTURE_2D, this.styles)
    gl.enable(gl.DEPTH_TEST)
    gl.drawArrays(gl.POINTS, from, to - from)
    gl.bindVertexArray(null)
  }

  show(): void {
    const { gl, scene, light } = this
    if (!scene) return
    const { canvas } = gl
    if (canvas.width !== this.size.width || canvas.height !== this.size.height) Object.assign(canvas, this.size)
    gl.bindFramebuffer(gl.FRAMEBUFFER, null)
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight)
    gl.disable(gl.DEPTH_TEST)
    gl.useProgram(light.program)
    this.target.read(0, 1)
    gl.uniform1i(light.at('colours'), 0)
    gl.uniform1i(light.at('depths'), 1)
    gl.uniform2f(light.at('range'), scene.near, scene.far)
    gl.uniform1f(light.at('radius'), LIGHT_RADIUS * scene.ratio)
    gl.uniform1f(light.at('strength'), scene.lighting)
    gl.uniform3f(light.at('activeColour'), ...this.activeColour(scene))
    gl.drawArrays(gl.TRIANGLES, 0, 3)
  }

  done(): Promise<void> {
    const { gl } = this
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0)
    gl.flush()
    if (!fence) return Promise.resolve()
    return new Promise((resolve) => {
      const look = (): void => {
        if (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) return void setTimeout(look, POLL_MS)
        gl.deleteSync(fence)
        resolve()
      }
      setTimeout(look, 0)
    })
  }

  hits(x: number, y: number, radius: number): HitWindow {
    const ratio = this.scene?.ratio ?? 1
    return this.target.window(Math.floor(x * ratio), Math.floor(y * ratio), Math.round(radius * ratio))
  }

  clear(): void {
    this.scan = null
    this.scene = null
  }

  dispose(): void {
    const { gl } = this
    this.target.dispose()
    for (const buffer of [this.positions, this.colours, this.marks]) gl.deleteBuffer(buffer)
    gl.deleteVertexArray(this.array)
    gl.deleteTexture(this.styles)
    for (const { program } of [this.points, this.light]) gl.deleteProgram(program)
  }

  private activeColour(scene: CloudScene): [number, number, number] {
    return scene.activeColour.map((v) => v / 255) as [number, number, number]
  }

  private upload(buffer: WebGLBuffer, at: number, values: ArrayBufferView): void {
    const { gl } = this
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
    gl.bufferSubData(gl.ARRAY_BUFFER, at, values)
  }

  private describe(): void {
    const { gl } = this
    gl.bindVertexArray(this.array)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.positions)
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 12, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colours)
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 4, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.marks)
    gl.vertexAttribIPointer(2, 1, gl.UNSIGNED_INT, 4, 0)
    for (const at of [0, 1, 2]) gl.enableVertexAttribArray(at)
    gl.bindVertexArray(null)
  }
}
