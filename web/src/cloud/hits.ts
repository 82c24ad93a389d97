/** Which point a place on the screen means, from the numbers of the points that are drawn round it. */

/** A square of the drawn picture: per pixel the number of its point plus one, 0 for none; rows from top to bottom. */
export interface HitWindow {
  readonly side: number
  readonly points: Uint32Array
}

/**
 * The point drawn on the middle pixel, else on the nearest pixel that has one; null where there is none within reach. What is
 * drawn is what lies in front, so nothing hidden is ever hit.
 */
export function nearestHit({ side, points }: HitWindow): number | null {
  const middle = (side - 1) / 2
  let best = Infinity
  let found: number | null = null
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const point = points[y * side + x] as number
      const far = (x - middle) ** 2 + (y - middle) ** 2
      if (point === 0 || far >= best || far > middle * middle + 0.5) continue
      best = far
      found = point - 1
    }
  }
  return found
}

/** As in the shader that lights the picture: where most of what surrounds a pixel is so much nearer, it is a crack. */
const CRACK = { nearer: 1.014, most: 5 } as const

/** As `nearestHit`, but a point that is seen through a crack between nearer ones is not meant: they are. */
export function frontHit(window: HitWindow, depthOf: (point: number) => number): number | null {
  const found = nearestHit(window)
  if (found === null) return null
  const { side, points } = window
  const middle = (side - 1) / 2
  const limit = depthOf(found) / CRACK.nearer
  const nearer: number[] = []
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const point = dx === 0 && dy === 0 ? 0 : (points[(middle + dy) * side + middle + dx] ?? 0)
      if (point > 0 && depthOf(point - 1) < limit) nearer.push(point - 1)
    }
  }
  return nearer.length >= CRACK.most ? nearer.reduce((best, one) => (depthOf(one) < depthOf(best) ? one : best)) : found
}
