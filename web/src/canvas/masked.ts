/** A part of a picture with one mask over it, for comparing. */

import { parseHex } from '../state/palette'
import { isEmptyBox, maskToGrid, type Box, type RunMask } from '../state/runs'
import type { Size } from '../state/view'

const MARGIN = 0.15
const FILL = 0.4

/** A box grown by a margin, cut to the image; the whole image for an empty one. */
export function roundAbout(box: Box, image: Size): Box {
  if (isEmptyBox(box)) return { x0: 0, y0: 0, x1: image.width, y1: image.height }
  const margin = Math.ceil(Math.max(box.x1 - box.x0, box.y1 - box.y0) * MARGIN) + 4
  return {
    x0: Math.max(0, box.x0 - margin), y0: Math.max(0, box.y0 - margin),
    x1: Math.min(image.width, box.x1 + margin), y1: Math.min(image.height, box.y1 + margin),
  }
}

/** A picture of a box of an image, of whatever size. */
export interface Part {
  readonly picture: HTMLImageElement
  readonly box: Box
}

export function drawMasked(canvas: HTMLCanvasElement, { picture, box }: Part, crop: Box, mask: RunMask, colour: string): void {
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const [width, height] = [crop.x1 - crop.x0, crop.y1 - crop.y0]
  const scale = Math.min(canvas.width / width, canvas.height / height)
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))]
  const [left, top] = [Math.floor((canvas.width - w) / 2), Math.floor((canvas.height - h) / 2)]
  if (!context) return
  context.clearRect(0, 0, canvas.width, canvas.height)
  const [fx, fy] = [picture.naturalWidth / (box.x1 - box.x0), picture.naturalHeight / (box.y1 - box.y0)]
  context.drawImage(picture, (crop.x0 - box.x0) * fx, (crop.y0 - box.y0) * fy, width * fx, height * fy, left, top, w, h)
  const pixels = context.getImageData(left, top, w, h)
  tint(pixels, maskToGrid(mask, crop, w, h), parseHex(colour))
  context.putImageData(pixels, left, top)
}

/** The mask's colour inside, white on its edge. */
function tint({ data, width, height }: ImageData, grid: Uint8Array, colour: readonly number[]): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x
      if (!grid[at]) continue
      const edge = x === 0 || y === 0 || !grid[at - 1] || !grid[at - width] || (x + 1 < width && !grid[at + 1]) || (y + 1 < height && !grid[at + width])
      for (let c = 0; c < 3; c++) {
        data[4 * at + c] = edge ? 255 : (data[4 * at + c] as number) * (1 - FILL) + (colour[c] as number) * FILL
      }
    }
  }
}
