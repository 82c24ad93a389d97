/** Sizes of the brush: radii in image pixels. */

export const BRUSH = { least: 0.5, most: 200 } as const

/** A step larger or smaller: a fifth, at least half a pixel. */
export function resized(radius: number, larger: boolean): number {
  const wanted = larger ? Math.max(radius * 1.2, radius + 0.5) : Math.min(radius / 1.2, radius - 0.5)
  return Math.min(Math.max(Math.round(wanted * 2) / 2, BRUSH.least), BRUSH.most)
}
