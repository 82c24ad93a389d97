/** A box in the frame with z up: what lies outside is neither drawn nor clicked. */

import type { Bounds } from './scan'
import type { Vec3 } from './vector'

export type Clip = Bounds
export const AXES = ['x', 'y', 'z'] as const
export type End = 'low' | 'high'

/** The box with one side moved; sides never pass each other. */
export function withSide(clip: Clip, axis: number, end: End, value: number): Clip {
  const limited = end === 'low' ? Math.min(value, clip.high[axis] as number) : Math.max(value, clip.low[axis] as number)
  return { ...clip, [end]: clip[end].map((old, k) => (k === axis ? limited : old)) as unknown as Vec3 }
}

export function holds(clip: Clip, point: Vec3): boolean {
  return point.every((v, k) => v >= (clip.low[k] as number) && v <= (clip.high[k] as number))
}

/** A box round points (coordinates one after another) with some air, null for none. */
export function around(points: Iterable<Vec3>, air: number): Clip | null {
  let low: Vec3 | null = null
  let high: Vec3 | null = null
  for (const point of points) {
    low = low ? each(low, point, Math.min) : point
    high = high ? each(high, point, Math.max) : point
  }
  if (!low || !high) return null
  const margin = Math.max(...high.map((v, k) => v - ((low as Vec3)[k] as number))) * air
  return { low: low.map((v) => v - margin) as unknown as Vec3, high: high.map((v) => v + margin) as unknown as Vec3 }
}

function each(a: Vec3, b: Vec3, pick: (x: number, y: number) => number): Vec3 {
  return [pick(a[0], b[0]), pick(a[1], b[1]), pick(a[2], b[2])]
}

/** The twelve edges as pairs of corners. */
export function edges({ low, high }: Clip): readonly (readonly [Vec3, Vec3])[] {
  const corner = (bits: number): Vec3 => [0, 1, 2].map((k) => ((bits >> k) & 1 ? high : low)[k] as number) as unknown as Vec3
  return [0, 1, 2].flatMap((axis) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bits) => !((bits >> axis) & 1)).map((bits) => [corner(bits), corner(bits | (1 << axis))] as const))
}
