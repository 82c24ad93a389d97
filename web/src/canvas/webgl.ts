/**
 * Draws with WebGL2: per tile one image texture, one texture of object slots and one of the active mask. Of an image that is
 * too large for that, the picture's tiles are drawn first and then the masks on what is seen, as one more tile.
 */

import { cellBox, type Grid } from '../state/grid'
import { MAX_SLOTS, type Layers } from '../state/layers'
import { EMPTY_MASK, isEmptyBox, type Box } from '../state/runs'
import type { Size } from '../state/view'
import { HALO, LINE, SQUARES_FROM, type Renderer, type Scene } from './renderer'
import { FRAGMENT, VERTEX } from './shaders'
import type { Tiles } from './tiles'

const LARGEST_TILE = 4096
const STYLE_WIDTH = 256
const UNITS = { picture: 0, ids: 1, activeMask: 2, styles: 3 } as const

/** Textures of pictures that are kept besides those of the newest frame. */
const SPARE_TEXTURES = 100

/** Its box is in cells of the layers, which are the image's pixels where the image is one picture. */
interface Tile extends Box {
  readonly picture: WebGLTexture
  readonly ids: WebGLTexture
  readonly active: WebGLTexture
}

export class WebGlRenderer implements Renderer {
  readonly kind = 'webgl2'
  drawCalls = 0
  private readonly program: WebGLProgram
  private readonly places = new Map<string, WebGLUniformLocation | null>()
  private readonly styles: WebGLTexture
  private tiles: Tile[] = []
  private large: Tiles | null = null
  /** What the textures of a large image's masks were made for. */
  private grid: Grid | null = null
  private readonly textures = new Map<ImageBitmap, WebGLTexture>()
  private activeBox = EMPTY_MASK.box
  private objectsBox = EMPTY_MASK.box

  /** Null where the browser has no WebGL2. */
  static create(canvas: HTMLCanvasElement): WebGlRenderer | null {
    const gl = canvas.getContext('webgl2', { alpha: true, antialias: false, depth: false })
    return gl ? new WebGlRenderer(gl) : null
  }

  private constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = link(gl)
    gl.useProgram(this.program)
    for (const [name, unit] of Object.entries(UNITS)) gl.uniform1i(this.place(name), unit)
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.bindVertexArray(gl.createVertexArray())
    this.styles = this.texture(UNITS.styles, gl.NEAREST)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, STYLE_WIDTH, (MAX_SLOTS + 1) / STYLE_WIDTH, 0, gl.RGBA, gl.UNSIGNED_BYTE, null)
  }

  async setImage(picture: ImageBitmap, size: Size): Promise<void> {
    const { gl } = this
    const side = Math.min(LARGEST_TILE, gl.getParameter(gl.MAX_TEXTURE_SIZE) as number)
    const boxes = tileBoxes(size, side)
    const parts = await Promise.all(boxes.map((b) =>
      boxes.length === 1 ? picture : createImageBitmap(picture, b.x0, b.y0, b.x1 - b.x0, b.y1 - b.y0)))
    this.clearImage()
    this.tiles = boxes.map((box, i) => this.makeTile(box, parts[i] as ImageBitmap))
  }

  setTiles(tiles: Tiles): void {
    this.clearImage()
    this.large = tiles
  }

  clearImage(): void {
    this.large = this.grid = null
    for (const texture of this.textures.values()) this.gl.deleteTexture(texture)
    this.textures.clear()
    this.clearTiles()
  }

  private clearTiles(): void {
    for (const tile of this.tiles) for (const texture of [tile.picture, tile.ids, tile.active]) this.gl.deleteTexture(texture)
    this.tiles = []
    this.activeBox = this.objectsBox = EMPTY_MASK.box
  }

  update(layers: Layers): void {
    if (this.large && this.grid !== layers.grid) this.follow(layers.grid)
    if (this.tiles.length === 0) return
    const { gl } = this
    if (!isEmptyBox(layers.dirtyIds)) {
      this.upload(layers.dirtyIds, layers.grid.columns, (tile) => tile.ids, gl.RED_INTEGER, gl.UNSIGNED_SHORT, layers.ids)
    }
    if (!isEmptyBox(layers.dirtyActive)) {
      this.upload(layers.dirtyActive, layers.grid.columns, (tile) => tile.active, gl.RED, gl.UNSIGNED_BYTE, layers.active)
    }
    layers.taken()
    this.objectsBox = cellBox(layers.grid, layers.objectsBox)
    this.activeBox = cellBox(layers.grid, layers.activeBox)
  }

  /** Makes textures for the masks of another part of a large image. */
  private follow(grid: Grid): void {
    this.clearTiles()
    this.grid = grid
    this.tiles = [this.makeTile({ x0: 0, y0: 0, x1: grid.columns, y1: grid.rows }, null)]
  }

  setStyles(table: Uint8Array): void {
    const { gl } = this
    const rows = Math.ceil(table.length / (STYLE_WIDTH * 4))
    const padded = new Uint8Array(rows * STYLE_WIDTH * 4)
    padded.set(table)
    gl.activeTexture(gl.TEXTURE0 + UNITS.styles)
    gl.bindTexture(gl.TEXTURE_2D, this.styles)
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, STYLE_WIDTH, rows, gl.RGBA, gl.UNSIGNED_BYTE, padded)
  }

  draw(scene: Scene): void {
    const { gl } = this
    const { view, canvas, ratio } = scene
    const [width, height] = [Math.round(canvas.width * ratio), Math.round(canvas.height * ratio)]
    const step = this.large && this.grid ? this.grid.step : 1
    const scale = view.scale * ratio * step
    gl.viewport(0, 0, width, height)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    gl.uniform2f(this.place('canvasSize'), width, height)
    gl.uniform2f(this.place('scale'), scale, scale * (view.aspect ?? 1))
    gl.uniform1f(this.place('line'), LINE * ratio)
    gl.uniform1f(this.place('halo'), HALO * ratio)
    gl.uniform1i(this.place('smoothed'), scale > 0.75 && scale < SQUARES_FROM ? 1 : 0)
    gl.uniform1f(this.place('opacity'), scene.opacity)
    gl.uniform3f(this.place('activeColour'), ...(scene.activeColour.map((v) => v / 255) as [number, number, number]))
    this.drawCalls = 0
    if (this.large) this.drawLarge(this.large, scene)
    gl.uniform1i(this.place('alone'), this.large ? 1 : 0)
    const corner = this.large && this.grid ? this.grid : { x0: 0, y0: 0 }
    for (const tile of this.large && !scene.masksShown ? [] : this.tiles) {
      const least = scale * Math.min(1, view.aspect ?? 1)
      this.limit('objectsBox', scene.masksShown ? this.objectsBox : EMPTY_MASK.box, tile, least, ratio)
      this.limit('activeBox', scene.masksShown ? this.activeBox : EMPTY_MASK.box, tile, least, ratio)
      this.drawTile(tile, (view.left + corner.x0 * view.scale) * ratio, (view.top + corner.y0 * view.scale) * ratio, scale, view.aspect ?? 1)
    }
    gl.disable(gl.BLEND)
  }

  /** The picture of a large image; what is drawn afterwards is laid over it. */
  private drawLarge(large: Tiles, { view, canvas, ratio }: Scene): void {
    const { gl } = this
    gl.uniform1i(this.place('alone'), 0)
    for (const name of ['objectsBox', 'activeBox']) gl.uniform4f(this.place(name), 0, 0, 0, 0)
    if (this.tiles[0]) {
      this.bind(UNITS.ids, this.tiles[0].ids)
      this.bind(UNITS.activeMask, this.tiles[0].active)
    }
    for (const { picture, box } of large.visible(view, canvas, ratio)) {
      this.bind(UNITS.picture, this.textureOf(picture))
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, view.scale * ratio >= SQUARES_FROM ? gl.NEAREST : gl.LINEAR)
      const edges = [view.left + box.x0 * view.scale, view.top + box.y0 * view.scale, view.left + box.x1 * view.scale, view.top + box.y1 * view.scale]
      gl.uniform4f(this.place('placed'), ...(edges.map((v) => v * ratio) as [number, number, number, number]))
      gl.uniform2f(this.place('tileSize'), picture.width, picture.height)
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
      this.drawCalls++
    }
    this.dropTextures(this.drawCalls + SPARE_TEXTURES)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  private textureOf(picture: ImageBitmap): WebGLTexture {
    const { gl } = this
    let texture = this.textures.get(picture)
    if (texture === undefined) {
      texture = this.texture(UNITS.picture, gl.LINEAR)
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture)
      gl.generateMipmap(gl.TEXTURE_2D)
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR)
    }
    this.textures.delete(picture)
    this.textures.set(picture, texture)
    return texture
  }

  /** Keeps so many textures of pictures, the newest used. */
  private dropTextures(most: number): void {
    for (const [picture, texture] of this.textures) {
      if (this.textures.size <= most) return
      this.gl.deleteTexture(texture)
      this.textures.delete(picture)
    }
  }

  dispose(): void {
    this.clearImage()
    this.gl.deleteTexture(this.styles)
    this.gl.deleteProgram(this.program)
  }

  /** Spares the shader every pixel that no mask and no line can touch. */
  private limit(name: string, box: Box, tile: Tile, scale: number, ratio: number): void {
    const margin = isEmptyBox(box) ? 0 : 2 + (Math.max(LINE, HALO) * ratio) / scale
    this.gl.uniform4f(this.place(name),
      box.x0 - margin - tile.x0, box.y0 - margin - tile.y0, box.x1 + margin - tile.x0, box.y1 + margin - tile.y0)
  }

  private drawTile(tile: Tile, left: number, top: number, scale: number, aspect: number): void {
    const { gl } = this
    this.bind(UNITS.picture, tile.picture)
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, scale >= SQUARES_FROM ? gl.NEAREST : gl.LINEAR)
    this.bind(UNITS.ids, tile.ids)
    this.bind(UNITS.activeMask, tile.active)
    gl.uniform4f(this.place('placed'), left + tile.x0 * scale, top + tile.y0 * scale * aspect, left + tile.x1 * scale, top + tile.y1 * scale * aspect)
    gl.uniform2f(this.place('tileSize'), tile.x1 - tile.x0, tile.y1 - tile.y0)
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
    this.drawCalls++
  }

  private makeTile(box: Box, part: ImageBitmap | null): Tile {
    const { gl } = this
    const [width, height] = [box.x1 - box.x0, box.y1 - box.y0]
    const picture = this.texture(UNITS.picture, gl.LINEAR)
    if (part) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, part)
      gl.generateMipmap(gl.TEXTURE_2D)
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR)
    } else {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4))
    }
    const ids = this.texture(UNITS.ids, gl.NEAREST)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16UI, width, height, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, new Uint16Array(width * height))
    const active = this.texture(UNITS.activeMask, gl.NEAREST)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array(width * height))
    return { ...box, picture, ids, active }
  }

  /** Sends the changed rectangle of a whole-image array to the tiles it touches. */
  private upload(
    dirty: Box, rowLength: number, of: (tile: Tile) => WebGLTexture, format: number, type: number, data: ArrayBufferView,
  ): void {
    const { gl } = this
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, rowLength)
    for (const tile of this.tiles) {
      const [x0, y0] = [Math.max(dirty.x0, tile.x0), Math.max(dirty.y0, tile.y0)]
      const [x1, y1] = [Math.min(dirty.x1, tile.x1), Math.min(dirty.y1, tile.y1)]
      if (x1 <= x0 || y1 <= y0) continue
      this.bind(UNITS.ids, of(tile))
      gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, x0)
      gl.pixelStorei(gl.UNPACK_SKIP_ROWS, y0)
      gl.texSubImage2D(gl.TEXTURE_2D, 0, x0 - tile.x0, y0 - tile.y0, x1 - x0, y1 - y0, format, type, data)
    }
    for (const name of [gl.UNPACK_ROW_LENGTH, gl.UNPACK_SKIP_PIXELS, gl.UNPACK_SKIP_ROWS]) gl.pixelStorei(name, 0)
  }

  private texture(unit: number, filter: number): WebGLTexture {
    const { gl } = this
    const texture = gl.createTexture() as WebGLTexture
    this.bind(unit, texture)
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter)
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter)
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE)
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE)
    return texture
  }

  private bind(unit: number, texture: WebGLTexture): void {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit)
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture)
  }

  private place(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name)
    if (place === undefined) {
      place = this.gl.getUniformLocation(this.program, name)
      this.places.set(name, place)
    }
    return place
  }
}

function tileBoxes(size: Size, side: number): Box[] {
  const boxes: Box[] = []
  for (let y0 = 0; y0 < size.height; y0 += side) {
    for (let x0 = 0; x0 < size.width; x0 += side) {
      boxes.push({ x0, y0, x1: Math.min(x0 + side, size.width), y1: Math.min(y0 + side, size.height) })
    }
  }
  return boxes
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram()
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(type) as WebGLShader
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? 'shader')
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'program')
  return program
}
