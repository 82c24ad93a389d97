/** Outlines of masks along pixel edges, as closed rings of corners in image coordinates. */

import { forEachSpan, isEmptyBox, type RunMask } from './runs'

/** x0, y0, x1, y1, ... of the corners of a closed ring. */
export type Ring = readonly number[]

/**
 * Rings round the parts of a mask, and round the holes in them. Every step goes from corner to corner with the mask on
 * its right, so that a ring never crosses itself; where two pixels touch at a corner only, they get a ring each.
 */
export function outline(mask: RunMask): Ring[] {
  if (isEmptyBox(mask.box)) return []
  const { x0, y0, x1, y1 } = mask.box
  const width = x1 - x0 + 2
  const height = y1 - y0 + 2
  const inside = new Uint8Array(width * height)
  forEachSpan({ box: { x0: 1, y0: 1, x1: x1 - x0 + 1, y1: y1 - y0 + 1 }, runs: mask.runs }, width, (from, to) => inside.fill(1, from, to))
  const begun = new Uint8Array(width * height)
  const rings: Ring[] = []
  for (let at = width; at < inside.length; at++) {
    // The upper side of a pixel is where a walk to the right begins; one walk passes each such side once.
    if (inside[at] && !inside[at - width] && !begun[at]) rings.push(walk(inside, begun, width, at, x0 - 1, y0 - 1))
  }
  return rings
}

/** Steps to the right, down, left and up, as the corner's change. */
const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]] as const

function walk(inside: Uint8Array, begun: Uint8Array, width: number, start: number, left: number, top: number): Ring {
  const ring: number[] = []
  let x = start % width
  let y = Math.floor(start / width)
  const [firstX, firstY] = [x, y]
  let heading = 0
  do {
    if (heading === 0) begun[y * width + x] = 1
    const [dx, dy] = STEPS[heading] as readonly [number, number]
    x += dx
    y += dy
    const next = turn(inside, width, x, y, heading)
    if (next !== heading) ring.push(x + left, y + top)
    heading = next
  } while (x !== firstX || y !== firstY || heading !== 0)
  return ring
}

/** The heading after a corner: right round the mask's own pixel, straight along it, or left into the next one. */
function turn(inside: Uint8Array, width: number, x: number, y: number, heading: number): number {
  const [dx, dy] = STEPS[heading] as readonly [number, number]
  const ahead = (side: number): number => {
    // The pixel ahead of the corner, on the right (1) or left (-1) of the way.
    const px = x + (dx - dy * side - 1) / 2
    const py = y + (dy + dx * side - 1) / 2
    return inside[py * width + px] ?? 0
  }
  if (!ahead(1)) return (heading + 1) % 4
  return ahead(-1) ? (heading + 3) % 4 : heading
}
