/** Draws without WebGL: the browser scales the picture, masks and lines are computed per screen pixel. */

import { cellAt } from '../state/grid'
import type { Layers } from '../state/layers'
import { STYLE_SELECTED } from '../state/styles'
import type { Rgb } from '../state/palette'
import { isEmptyBox, unionBox } from '../state/runs'
import { scaleDown, type Size } from '../state/view'
import { wholePicture, type Backdrop } from './backdrop'
import { LINE, SQUARES_FROM, type Renderer, type Scene } from './renderer'

const AROUND = [[1, 0], [-1, 0], [0, 1], [0, -1], [0.7071, 0.7071], [-0.7071, 0.7071], [0.7071, -0.7071], [-0.7071, -0.7071]] as const
const WHITE: Rgb = [255, 255, 255]
const BLACK: Rgb = [0, 0, 0]

export class CanvasRenderer implements Renderer {
  readonly kind = 'canvas2d'
  drawCalls = 0
  private picture: Backdrop | null = null
  private size: Size = { width: 0, height: 0 }
  private layers: Layers | null = null
  private styles = new Uint8Array(4)
  private readonly masks = document.createElement('canvas')

  static create(canvas: HTMLCanvasElement): CanvasRenderer {
    const context = canvas.getContext('2d')
    if (!context) throw new Error('This browser can draw neither with WebGL2 nor with a 2D canvas.')
    return new CanvasRenderer(context)
  }

  private constructor(private readonly context: CanvasRenderingContext2D) {}

  setImage(picture: ImageBitmap, size: Size): Promise<void> {
    this.setTiles(wholePicture(picture, size), size)
    return Promise.resolve()
  }

  setTiles(tiles: Backdrop, size: Size): void {
    this.picture = tiles
    this.size = size
  }

  clearImage(): void {
    this.picture = null
    this.layers = null
  }

  update(layers: Layers): void {
    this.layers = layers
    layers.taken()
  }

  setStyles(table: Uint8Array): void {
    this.styles = Uint8Array.from(table)
  }

  draw(scene: Scene): void {
    const { context } = this
    const { view, canvas, ratio } = scene
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, canvas.width, canvas.height)
    this.drawCalls = 0
    if (!this.picture) return
    context.imageSmoothingEnabled = view.scale * ratio < SQUARES_FROM
    context.imageSmoothingQuality = 'high'
    this.drawCalls += this.picture.paint(context, view, canvas, ratio)
    if (scene.masksShown && this.layers) this.drawMasks(scene, this.layers)
  }

  dispose(): void {
    this.clearImage()
  }

  private drawMasks(scene: Scene, layers: Layers): void {
    const { view, canvas } = scene
    const box = unionBox(layers.activeBox, layers.objectsBox)
    const reach = LINE / Math.min(view.scale, scaleDown(view))
    const left = Math.max(0, Math.floor(view.left + Math.max(0, box.x0 - reach) * view.scale))
    const top = Math.max(0, Math.floor(view.top + Math.max(0, box.y0 - reach) * scaleDown(view)))
    const right = Math.min(Math.ceil(canvas.width), Math.ceil(view.left + Math.min(this.size.width, box.x1 + reach) * view.scale))
    const bottom = Math.min(Math.ceil(canvas.height), Math.ceil(view.top + Math.min(this.size.height, box.y1 + reach) * scaleDown(view)))
    if (isEmptyBox(box) || right <= left || bottom <= top) return
    const pixels = new ImageData(right - left, bottom - top)
    const shade = new Shade(layers, this.styles, scene)
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        shade.at((x + 0.5 - view.left) / view.scale, (y + 0.5 - view.top) / scaleDown(view))
        if (shade.alpha > 0) shade.write(pixels.data, ((y - top) * (right - left) + x - left) * 4)
      }
    }
    this.masks.width = right - left
    this.masks.height = bottom - top
    this.masks.getContext('2d')?.putImageData(pixels, 0, 0)
    this.context.drawImage(this.masks, left, top)
    this.drawCalls++
  }
}

/** The shader's rules for one point: a colour to lay over the picture and how densely. */
class Shade {
  colour: Rgb = BLACK
  alpha = 0
  private readonly reach: number
  private readonly down: number
  private readonly ids: Uint16Array

  constructor(private readonly layers: Layers, private readonly styles: Uint8Array, private readonly scene: Scene) {
    this.reach = LINE / scene.view.scale
    this.down = LINE / scaleDown(scene.view)
    this.ids = layers.ids
  }

  at(x: number, y: number): void {
    this.alpha = 0
    this.objects(x, y)
    this.active(x, y)
  }

  write(data: Uint8ClampedArray, at: number): void {
    data[at] = this.colour[0]
    data[at + 1] = this.colour[1]
    data[at + 2] = this.colour[2]
    data[at + 3] = this.alpha * 255
  }

  private objects(x: number, y: number): void {
    const here = this.idAt(x, y)
    let beside = 0
    let edge = false
    for (const [dx, dy] of AROUND) {
      const there = this.idAt(x + dx * this.reach, y + dy * this.down)
      if (there !== here) {
        edge = true
        if (there) beside = there
      }
    }
    if (here) {
      const chosen = this.styles[here * 4 + 3] === STYLE_SELECTED
      this.set(edge && chosen ? WHITE : this.colourOf(here), edge ? 1 : this.scene.opacity * (chosen ? 0.8 : 0.72))
    } else if (beside) {
      const chosen = this.styles[beside * 4 + 3] === STYLE_SELECTED
      this.set(chosen ? this.colourOf(beside) : BLACK, chosen ? 1 : 0.45)
    }
  }

  private active(x: number, y: number): void {
    const here = this.activeAt(x, y)
    const edge = AROUND.some(([dx, dy]) => this.activeAt(x + dx * this.reach, y + dy * this.down) !== here)
    if (here) this.set(edge ? WHITE : this.scene.activeColour, edge ? 1 : this.scene.opacity)
    else if (edge) this.set(this.scene.activeColour.map((v) => v * 0.55) as unknown as Rgb, 1)
  }

  private set(colour: Rgb, alpha: number): void {
    this.colour = colour
    this.alpha = alpha
  }

  private colourOf(slot: number): Rgb {
    return [this.styles[slot * 4] ?? 0, this.styles[slot * 4 + 1] ?? 0, this.styles[slot * 4 + 2] ?? 0]
  }

  private idAt(x: number, y: number): number {
    return this.ids[cellAt(this.layers.grid, x, y)] as number
  }

  private activeAt(x: number, y: number): boolean {
    return this.layers.active[cellAt(this.layers.grid, x, y)] !== 0
  }
}
