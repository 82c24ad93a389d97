/** What both renderers can do. Positions are CSS pixels; `ratio` is device pixels per CSS pixel. */

import type { Layers } from '../state/layers'
import type { Rgb } from '../state/palette'
import type { Size, View } from '../state/view'
import type { Tiles } from './tiles'

export interface Scene {
  readonly view: View
  readonly canvas: Size
  readonly ratio: number
  readonly opacity: number
  readonly masksShown: boolean
  readonly activeColour: Rgb
}

export interface Renderer {
  readonly kind: 'webgl2' | 'canvas2d'
  /** Of the newest frame: it must not grow with the number of objects. */
  readonly drawCalls: number
  setImage(picture: ImageBitmap, size: Size): Promise<void>
  /** An image that is too large for one picture. */
  setTiles(tiles: Tiles, size: Size): void
  clearImage(): void
  /** Takes what has changed in the layers since the last call. */
  update(layers: Layers): void
  /** RGBA per object slot, see state/styles.ts. */
  setStyles(table: Uint8Array): void
  draw(scene: Scene): void
  dispose(): void
}

/** Widths in CSS pixels. */
export const LINE = 1.5
export const HALO = 1.5
/** From this scale on (device pixels per image pixel) single pixels are shown as squares. */
export const SQUARES_FROM = 4
