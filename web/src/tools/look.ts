/** Commands that move the view and nothing else. */

import type { Store } from '../state/store'
import { centred, fitView, keepVisible, zoomAt } from '../state/view'

export function fit(store: Store): void {
  const size = store.imageSize.value
  if (size) store.view.value = fitView(size, store.canvas.value, 8, store.volume.value?.aspect)
}

/** One image pixel on one pixel of the screen. */
export function fullSize(store: Store): void {
  const size = store.imageSize.value
  if (size) store.view.value = centred(size, store.canvas.value, 1 / (window.devicePixelRatio || 1), store.volume.value?.aspect)
}

export function zoomMiddle(store: Store, factor: number): void {
  const canvas = store.canvas.value
  const size = store.imageSize.value
  const view = zoomAt(store.view.value, { x: canvas.width / 2, y: canvas.height / 2 }, factor)
  store.view.value = size ? keepVisible(view, size, canvas) : view
}
