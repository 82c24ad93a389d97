/** Which pixels a stroke covers: those whose centres lie within its radius of the line, as on the server. */

import { EMPTY_MASK, type Box } from './runs'
import type { Point, Size } from './view'

/**
 * Calls `paint(row, from, to)` with half-open column ranges for one straight piece of a stroke; gives the box that holds
 * them, cut to the image. The pixels of a row are together because the piece is convex.
 */
export function capsule(a: Point, b: Point, radius: number, size: Size, paint: (row: number, from: number, to: number) => void): Box {
  const x0 = Math.max(Math.floor(Math.min(a.x, b.x) - radius), 0)
  const y0 = Math.max(Math.floor(Math.min(a.y, b.y) - radius), 0)
  const x1 = Math.min(Math.ceil(Math.max(a.x, b.x) + radius) + 1, size.width)
  const y1 = Math.min(Math.ceil(Math.max(a.y, b.y) + radius) + 1, size.height)
  if (x0 >= x1 || y0 >= y1) return EMPTY_MASK.box
  const covers = coverage(a, b, radius)
  for (let y = y0; y < y1; y++) {
    let from = x0
    while (from < x1 && !covers(from + 0.5, y + 0.5)) from++
    let to = from
    while (to < x1 && covers(to + 0.5, y + 0.5)) to++
    if (from < to) paint(y, from, to)
  }
  return { x0, y0, x1, y1 }
}

function coverage(a: Point, b: Point, radius: number): (x: number, y: number) => boolean {
  const dx = b.x - a.x
  const dy = b.y - a.y
  const square = dx * dx + dy * dy
  return (x, y) => {
    const along = square > 0 ? Math.min(Math.max(((x - a.x) * dx + (y - a.y) * dy) / square, 0), 1) : 0
    const awayX = x - (a.x + along * dx)
    const awayY = y - (a.y + along * dy)
    return awayX * awayX + awayY * awayY <= radius * radius
  }
}
