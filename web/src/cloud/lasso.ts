/** The points that a loop on the screen goes round, as far as they can be seen. */

import { writeVarints } from '../state/runs'
import type { Point, Size } from '../state/view'
import { axes, pixelAt, type Camera } from './camera'
import { holds, type Clip } from './clip'
import type { Scan } from './scan'
import { dot, minus } from './vector'

/** A point is seen if it lies no farther behind what is drawn there than this share of the distance, or some neighbours. */
const BEHIND = { share: 0.012, neighbours: 4 } as const

export interface Sight {
  readonly scan: Scan
  readonly camera: Camera
  readonly canvas: Size
  readonly clip: Clip | null
  readonly spacing: number
  /** Whether a point is shown at all. */
  shown(index: number): boolean
  /** The number of the point that is drawn on a pixel, plus one; 0 for none. */
  drawnAt(x: number, y: number): number
}

/** Rows in the file of the points inside, in no order. */
export function pointsInside(loop: readonly Point[], sight: Sight): number[] {
  const { scan, camera, canvas, clip } = sight
  const { right, up, forward } = axes(camera)
  const box = boxOf(loop)
  const found: number[] = []
  const depthOf = (index: number): number => dot(minus(scan.shown(index), camera.eye), forward)
  for (let i = 0; i < scan.count; i++) {
    const point = scan.shown(i)
    const offset = minus(point, camera.eye)
    const depth = dot(offset, forward)
    if (depth <= 0 || !sight.shown(i) || (clip && !holds(clip, point))) continue
    const pixel = pixelAt(canvas, depth)
    const [x, y] = [canvas.width / 2 + dot(offset, right) / pixel, canvas.height / 2 - dot(offset, up) / pixel]
    if (x < box.left || x > box.right || y < box.top || y > box.bottom || !isInside(loop, x, y)) continue
    const front = sight.drawnAt(Math.floor(x), Math.floor(y))
    const slack = Math.max(depth * BEHIND.share, sight.spacing * BEHIND.neighbours)
    if (front === 0 || depth <= depthOf(front - 1) + slack) found.push(scan.rows[i] as number)
  }
  return found
}

/** Rows as the base64 run lengths of a `select` command. */
export function packRows(rows: readonly number[]): string {
  const sorted = [...rows].sort((a, b) => a - b)
  const runs: number[] = []
  let at = 0
  for (let i = 0; i < sorted.length;) {
    const from = sorted[i] as number
    let to = from
    while (sorted[i] === to) {
      i++
      to++
    }
    runs.push(from - at, to - from)
    at = to
  }
  return btoa([...writeVarints(runs)].map((byte) => String.fromCharCode(byte)).join(''))
}

/** Even-odd. */
export function isInside(loop: readonly Point[], x: number, y: number): boolean {
  let inside = false
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [a, b] = [loop[i] as Point, loop[j] as Point]
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside
  }
  return inside
}

function boxOf(loop: readonly Point[]): { left: number; right: number; top: number; bottom: number } {
  const [xs, ys] = [loop.map((p) => p.x), loop.map((p) => p.y)]
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) }
}
