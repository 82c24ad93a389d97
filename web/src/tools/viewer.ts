/** How a kind of medium is looked at: what the keys for looking and for the crosshair ask of it. */

import type { Annotator } from '../state/annotator'
import type { Store } from '../state/store'
import type { Point } from '../state/view'
import { Crosshair } from './crosshair'
import { fit, zoomMiddle } from './look'

export interface Viewer {
  readonly crosshairOn: boolean
  /** Steps of the crosshair. */
  moveCrosshair(dx: number, dy: number): void
  clickCrosshair(positive: boolean): void
  /** Puts it on a place of the medium, at least so many screen pixels from the edge. */
  putCrosshair(at: Point, margin: number): void
  hideCrosshair(): void
  zoom(factor: number): void
  fit(): void
}

export class PhotoViewer implements Viewer {
  private readonly crosshair: Crosshair

  constructor(private readonly store: Store, annotator: Annotator) {
    this.crosshair = new Crosshair(store, annotator)
  }

  get crosshairOn(): boolean {
    return this.store.crosshair.value !== null
  }

  moveCrosshair(dx: number, dy: number): void {
    this.crosshair.move(dx, dy)
  }

  clickCrosshair(positive: boolean): void {
    this.crosshair.click(positive)
  }

  putCrosshair(at: Point, margin: number): void {
    this.crosshair.put(at, margin)
  }

  hideCrosshair(): void {
    this.store.crosshair.value = null
  }

  zoom(factor: number): void {
    zoomMiddle(this.store, factor)
  }

  fit(): void {
    fit(this.store)
  }
}
