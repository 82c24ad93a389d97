/** Draws clouds without WebGL: a sample of the points, each a small square, nearer ones over farther ones. */

import type { Rgb } from '../state/palette'
import { STYLE_SELECTED } from '../state/styles'
import { clipMatrix, pixelAt } from './camera'
import type { HitWindow } from './hits'
import { FLAG } from './marks'
import { pointDiameter, type CloudRenderer, type CloudScene } from './renderer'
import type { Scan } from './scan'
import { multiply } from './vector'

/** More points than this make a turn of the camera too slow. */
export const SAMPLE = 150_000

export class CanvasCloudRenderer implements CloudRenderer {
  readonly kind = 'canvas2d'
  readonly budget = 40_000
  private scan: Scan | null = null
  private colours = new Uint8Array(0)
  private marks = new Uint32Array(0)
  private styles = new Uint8Array(4)
  private scene: CloudScene | null = null
  private ratio = 1
  private width = 0
  private height = 0
  private pixels = new Uint32Array(0)
  private depths = new Float32Array(0)
  private numbers = new Uint32Array(0)

  static create(canvas: HTMLCanvasElement): CanvasCloudRenderer {
    const context = canvas.getContext('2d')
    if (!context) throw new Error('This browser can draw neither with WebGL2 nor with a 2D canvas.')
    return new CanvasCloudRenderer(context)
  }

  private constructor(private readonly context: CanvasRenderingContext2D) {}

  hold(scan: Scan): void {
    this.scan = scan
  }

  append(): void {
    // Positions are read from the scan itself.
  }

  setColours(colours: Uint8Array): void {
    this.colours = colours as Uint8Array<ArrayBuffer>
  }

  setMarks(marks: Uint32Array): void {
    this.marks = marks as Uint32Array<ArrayBuffer>
  }

  setStyles(table: Uint8Array): void {
    this.styles = Uint8Array.from(table)
  }

  begin(scene: CloudScene): void {
    this.scene = scene
    // Device pixels are too many to fill one by one.
    this.ratio = Math.min(scene.ratio, 1)
    const [width, height] = [scene.canvas.width, scene.canvas.height].map((side) => Math.max(1, Math.round(side * this.ratio))) as [number, number]
    if (width !== this.width || height !== this.height) {
      this.width = width
      this.height = height
      this.pixels = new Uint32Array(width * height)
      this.depths = new Float32Array(width * height)
      this.numbers = new Uint32Array(width * height)
    }
    this.pixels.fill(0)
    this.depths.fill(Infinity)
    this.numbers.fill(0)
  }

  draw(from: number, to: number): void {
    const { scan, scene } = this
    if (!scan || !scene) return
    const matrix = multiply(clipMatrix(scene.camera, scene.canvas, scene.near, scene.far), scan.model)
    const { positions } = scan
    const cell = (k: number): number => matrix[k] as number
    const [a, b, c, d, e, f, g, h, i, j, k, l] = [0, 4, 8, 12, 1, 5, 9, 13, 3, 7, 11, 15].map(cell) as [
      number, number, number, number, number, number, number, number, number, number, number, number]
    const pixel = pixelAt(scene.canvas, 1)
    for (let n = from; n < Math.min(to, SAMPLE); n++) {
      const mark = this.marks[n] as number
      if (mark & FLAG.hidden || (scene.clip && !this.isInside(n))) continue
      const [x, y, z] = [positions[n * 3] as number, positions[n * 3 + 1] as number, positions[n * 3 + 2] as number]
      const depth = i * x + j * y + k * z + l
      if (depth <= scene.near) continue
      const column = (1 + (a * x + b * y + c * z + d) / depth) * 0.5 * this.width
      const row = (1 - (e * x + f * y + g * z + h) / depth) * 0.5 * this.height
      this.square(n, column, row, depth, pointDiameter(scene.spacing, pixel * depth, scene.pointSize) * this.ratio, this.colourOf(n, mark, scene))
    }
  }

  show(): void {
    const { context, scene } = this
    if (!scene) return
    const image = new ImageData(new Uint8ClampedArray(this.pixels.buffer as ArrayBuffer), this.width, this.height)
    const { canvas } = context
    if (canvas.width !== this.width || canvas.height !== this.height) Object.assign(canvas, { width: this.width, height: this.height })
    context.putImageData(image, 0, 0)
  }

  done(): Promise<void> {
    return Promise.resolve()
  }

  hits(x: number, y: number, radius: number): HitWindow {
    const reach = Math.round(radius * this.ratio)
    const side = 2 * reach + 1
    const points = new Uint32Array(side * side)
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const [column, row] = [Math.floor(x * this.ratio) + dx, Math.floor(y * this.ratio) + dy]
        if (column < 0 || row < 0 || column >= this.width || row >= this.height) continue
        points[(dy + reach) * side + dx + reach] = this.numbers[row * this.width + column] as number
      }
    }
    return { side, points }
  }

  clear(): void {
    this.scan = null
    this.scene = null
    this.context.clearRect(0, 0, this.width, this.height)
  }

  dispose(): void {
    this.clear()
  }

  private isInside(n: number): boolean {
    const point = (this.scan as Scan).shown(n)
    const { low, high } = this.scene?.clip ?? { low: point, high: point }
    return point.every((v, axis) => v >= (low[axis] as number) && v <= (high[axis] as number))
  }

  private square(n: number, x: number, y: number, depth: number, size: number, colour: number): void {
    const [left, top] = [Math.max(Math.round(x - size / 2), 0), Math.max(Math.round(y - size / 2), 0)]
    const right = Math.min(Math.max(Math.round(x + size / 2), Math.round(x - size / 2) + 1), this.width)
    const bottom = Math.min(Math.max(Math.round(y + size / 2), Math.round(y - size / 2) + 1), this.height)
    for (let row = top; row < bottom; row++) {
      for (let at = row * this.width + left; at < row * this.width + right; at++) {
        if ((this.depths[at] as number) <= depth) continue
        this.depths[at] = depth
        this.pixels[at] = colour
        this.numbers[at] = n + 1
      }
    }
  }

  /** The shader's rules for one point, as the bytes r, g, b, 255. */
  private colourOf(n: number, mark: number, scene: CloudScene): number {
    const base: Rgb = [this.colours[n * 4] as number, this.colours[n * 4 + 1] as number, this.colours[n * 4 + 2] as number]
    const slot = mark & 0xffff
    const style = this.styles[slot * 4 + 3] ?? 0
    const { masksShown, opacity, dimmed } = scene
    if (masksShown && mark & FLAG.active) return packed(base, scene.activeColour, Math.min(1, opacity * 1.25), 1)
    const bright = 1 - dimmed
    if (masksShown && mark & (FLAG.ghost | FLAG.preview)) return packed(base, [255, 255, 255], 0.4, bright)
    if (!masksShown || slot === 0 || style === 0) return packed(base, base, 0, bright)
    const colour: Rgb = [this.styles[slot * 4] as number, this.styles[slot * 4 + 1] as number, this.styles[slot * 4 + 2] as number]
    return packed(base, colour, Math.min(1, opacity * (style === STYLE_SELECTED ? 1.35 : 1.15)), bright)
  }
}

function packed(base: Rgb, over: Rgb, share: number, bright: number): number {
  const part = (k: 0 | 1 | 2): number => (base[k] * (1 - share) + over[k] * share) * bright
  return ((255 << 24) | (part(2) << 16) | (part(1) << 8) | part(0)) >>> 0
}
