/** A pointer for people at the keyboard. */

import type { Annotator } from '../state/annotator'
import type { Store } from '../state/store'
import { clampToImage, reveal, toImage, type Point } from '../state/view'

export class Crosshair {
  constructor(private readonly store: Store, private readonly annotator: Annotator) {}

  /** One step is a screen pixel or an image pixel, whichever is larger, so that every step can be seen and means something. */
  move(dx: number, dy: number): void {
    const { store } = this
    const size = store.imageSize.value
    if (!size) return
    const from = store.crosshair.value
    const step = Math.max(1, 1 / store.view.value.scale)
    const to = from ? { x: from.x + dx * step, y: from.y + dy * step } : this.start()
    // Pixel centres: the last pixel is as reachable as the first.
    const inside = clampToImage(to, { width: size.width - 0.5, height: size.height - 0.5 })
    this.put({ x: Math.max(0.5, Math.floor(inside.x) + 0.5), y: Math.max(0.5, Math.floor(inside.y) + 0.5) })
  }

  /** Puts it on a point of the image and moves the view so that it is seen. */
  put(point: Point, margin = 32): void {
    const { store } = this
    store.crosshair.value = point
    store.pointer.value = point
    store.view.value = reveal(store.view.value, point, store.canvas.value, margin)
  }

  click(positive: boolean): void {
    if (this.store.crosshair.value) this.annotator.click(this.store.crosshair.value, positive)
  }

  private start(): Point {
    const { store } = this
    const canvas = store.canvas.value
    return store.pointer.value ?? toImage(store.view.value, { x: canvas.width / 2, y: canvas.height / 2 })
  }
}
