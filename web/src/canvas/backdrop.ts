/** What lies under the masks: one picture, or the tiles of a large one. */

import { scaleDown, type Size, type View } from '../state/view'

export interface Backdrop {
  /** Draws it under a view in CSS pixels; gives the number of pictures drawn. */
  paint(context: CanvasRenderingContext2D, view: View, canvas: Size, ratio: number): number
}

export function wholePicture(picture: ImageBitmap, size: Size): Backdrop {
  return {
    paint(context, view) {
      context.drawImage(picture, view.left, view.top, size.width * view.scale, size.height * scaleDown(view))
      return 1
    },
  }
}
