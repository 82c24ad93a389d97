/** The picture that points are drawn into: colours, the number of the point on every pixel, depths. */

import type { HitWindow } from './hits'

export class Target {
  private readonly frame: WebGLFramebuffer
  private textures: WebGLTexture[] = []
  private width = 0
  private height = 0

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.frame = gl.createFramebuffer()
  }

  /** Takes the size of the canvas, in device pixels. */
  fit(width: number, height: number): void {
    const { gl } = this
    if (width === this.width && height === this.height) return
    this.width = Math.max(width, 1)
    this.height = Math.max(height, 1)
    for (const texture of this.textures) gl.deleteTexture(texture)
    this.textures = [gl.RGBA8, gl.R32UI, gl.DEPTH_COMPONENT24].map((format) => this.texture(format))
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame)
    const places = [gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1, gl.DEPTH_ATTACHMENT]
    places.forEach((place, i) => gl.framebufferTexture2D(gl.FRAMEBUFFER, place, gl.TEXTURE_2D, this.textures[i] as WebGLTexture, 0))
  }

  bind(): void {
    const { gl } = this
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame)
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1])
    gl.viewport(0, 0, this.width, this.height)
  }

  /** An empty picture. */
  begin(): void {
    const { gl } = this
    this.bind()
    gl.clearBufferfv(gl.COLOR, 0, [0, 0, 0, 0])
    gl.clearBufferuiv(gl.COLOR, 1, [0, 0, 0, 0])
    gl.clearBufferfv(gl.DEPTH, 0, [1])
  }

  /** Colours and depths as textures of these units. */
  read(colours: number, depths: number): void {
    const { gl } = this
    for (const [unit, at] of [[colours, 0], [depths, 2]] as const) {
      gl.activeTexture(gl.TEXTURE0 + unit)
      gl.bindTexture(gl.TEXTURE_2D, this.textures[at] as WebGLTexture)
    }
    gl.activeTexture(gl.TEXTURE0)
  }

  /** Numbers of the points in a square round a device pixel (from the top left); outside of the picture there is none. */
  window(x: number, y: number, radius: number): HitWindow {
    const { gl } = this
    const side = 2 * radius + 1
    const points = new Uint32Array(side * side)
    const [left, right] = [Math.max(x - radius, 0), Math.min(x + radius + 1, this.width)]
    const [top, bottom] = [Math.max(y - radius, 0), Math.min(y + radius + 1, this.height)]
    if (right <= left || bottom <= top || this.textures.length === 0) return { side, points }
    const [width, height] = [right - left, bottom - top]
    const read = new Uint32Array(width * height)
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame)
    gl.readBuffer(gl.COLOR_ATTACHMENT1)
    gl.readPixels(left, this.height - bottom, width, height, gl.RED_INTEGER, gl.UNSIGNED_INT, read)
    for (let row = 0; row < height; row++) {
      const from = (height - 1 - row) * width
      points.set(read.subarray(from, from + width), (top - y + radius + row) * side + left - x + radius)
    }
    return { side, points }
  }

  dispose(): void {
    for (const texture of this.textures) this.gl.deleteTexture(texture)
    this.gl.deleteFramebuffer(this.frame)
  }

  private texture(format: number): WebGLTexture {
    const { gl } = this
    const texture = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D, texture)
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST)
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE)
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, this.width, this.height)
    return texture
  }
}
