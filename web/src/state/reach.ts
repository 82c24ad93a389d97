/** How far from a click the model looks on a large image: as far as the person sees. */

import { seenBox } from './grid'
import type { Store } from './store'

/** Reaches are multiples of so many pixels, so that a small move of the view asks nothing new. */
const STEP = 128

/** The field of a click; nothing for images that are shown as one picture, and where all of the image is seen. */
export function reachOf(store: Store): { reach?: number } {
  const size = store.imageSize.value
  if (!store.currentImage.value?.tiles || !size) return {}
  const seen = seenBox(store.view.value, store.canvas.value, size)
  const longer = Math.max(seen.x1 - seen.x0, seen.y1 - seen.y0)
  if (longer >= Math.max(size.width, size.height)) return {}
  return { reach: Math.max(1, Math.ceil(longer / 2 / STEP)) * STEP }
}
