/** The points of a cloud as they arrive: in random order, so that the first so many are a fair sample of all. */

import { add, rotate, turnToZ, type Rotation, type Vec3 } from './vector'

/** Points scattered at random have their nearest neighbour at about half of the distance that evenly spread ones have. */
const APART = 2.1
/** Points from which bounds and distances are estimated. */
const SAMPLE = 4000

export interface ScanPlan {
  /** Points of the file, those without a place included. */
  readonly points: number
  /** Points that are shown. */
  readonly shown: number
  readonly chunks: number
  /** To be added to a position to get the file's coordinates: large ones would lose their last digits. */
  readonly origin: Vec3
  /** Low and high corner, relative to the origin. */
  readonly box: readonly [low: Vec3, high: Vec3]
  /** Unit vector: what a person would call up. */
  readonly up: Vec3
  readonly fields: readonly ('rgb' | 'intensity' | 'label')[]
  /** Labels above 0 that the file itself holds. */
  readonly labels: number
}

export interface Chunk {
  /** Number of its first point in the drawn order. */
  readonly first: number
  /** x, y, z one point after another, relative to the origin. */
  readonly positions: Float32Array
  /** The number of each point in the file. */
  readonly rows: Uint32Array
  /** r, g, b one point after another; null without colours. */
  readonly rgb: Uint8Array | null
  readonly intensity: Uint8Array | null
}

export class Scan {
  readonly positions: Float32Array
  readonly rows: Uint32Array
  readonly rgb: Uint8Array | null
  readonly intensity: Uint8Array | null
  readonly rotation: Rotation
  /** Points that are here. */
  count = 0
  /** Place in the drawn order of each point of the file, plus one; 0 for those that are not here. */
  private readonly places: Uint32Array

  constructor(readonly plan: ScanPlan) {
    this.positions = new Float32Array(plan.shown * 3)
    this.rows = new Uint32Array(plan.shown)
    this.places = new Uint32Array(plan.points)
    this.rgb = plan.fields.includes('rgb') ? new Uint8Array(plan.shown * 3) : null
    this.intensity = plan.fields.includes('intensity') ? new Uint8Array(plan.shown) : null
    this.rotation = turnToZ(plan.up)
  }

  /** Takes the next points; chunks come one after another. */
  append(chunk: Chunk): void {
    const { first, rows } = chunk
    if (first !== this.count || first + rows.length > this.plan.shown) {
      throw new RangeError(`A chunk begins at point ${first} and holds ${rows.length}; ${this.count} of ${this.plan.shown} points are here.`)
    }
    this.positions.set(chunk.positions, first * 3)
    this.rows.set(rows, first)
    if (chunk.rgb) this.rgb?.set(chunk.rgb, first * 3)
    if (chunk.intensity) this.intensity?.set(chunk.intensity, first)
    rows.forEach((row, i) => (this.places[row] = first + i + 1))
    this.count += rows.length
  }

  /** Number in the drawn order of a point of the file; null for one that is not here. */
  placeOf(row: number): number | null {
    const place = this.places[row] ?? 0
    return place === 0 ? null : place - 1
  }

  /** A point relative to the origin. */
  local(index: number): Vec3 {
    return [this.positions[index * 3] as number, this.positions[index * 3 + 1] as number, this.positions[index * 3 + 2] as number]
  }

  /** A point in the frame with z up, in which it is shown. */
  shown(index: number): Vec3 {
    return rotate(this.rotation, this.local(index))
  }

  /** A point as its file has it. */
  inFile(index: number): Vec3 {
    return add(this.local(index), this.plan.origin)
  }

  /** From positions to the frame with z up, column by column. */
  get model(): Float32Array {
    const matrix = new Float32Array(16)
    for (let row = 0; row < 3; row++) for (let column = 0; column < 3; column++) matrix[column * 4 + row] = (this.rotation[row] as Vec3)[column] as number
    matrix[15] = 1
    return matrix
  }

  /** The corners of everything, in the frame with z up. */
  get corners(): readonly Vec3[] {
    const { box } = this.plan
    return [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => rotate(this.rotation, [0, 1, 2].map((k) => (box[(bits >> k) & 1] as Vec3)[k] as number) as unknown as Vec3))
  }

  /** Some points in the frame with z up, coordinates one after another; outliers are left out. */
  sample(): Float32Array {
    const points = Math.min(this.count, SAMPLE)
    const all = new Float32Array(points * 3)
    for (let i = 0; i < points; i++) all.set(this.shown(i), i * 3)
    const bounds = robustBounds(all)
    const kept = [...Array(points).keys()].filter((i) => [0, 1, 2].every((k) => {
      const v = all[i * 3 + k] as number
      return v >= (bounds.low[k] as number) && v <= (bounds.high[k] as number)
    }))
    return Float32Array.from(kept.flatMap((i) => [...all.subarray(i * 3, i * 3 + 3)]))
  }
}

export interface Bounds {
  readonly low: Vec3
  readonly high: Vec3
}

/** Corners that hold nearly all points: single ones far out say nothing about the scene. */
export function robustBounds(points: Float32Array, outside = 0.005): Bounds {
  const axis = (k: number): readonly [number, number] => {
    const sorted = points.filter((_, i) => i % 3 === k).sort()
    const spread = (at: number): number => sorted[Math.min(Math.max(Math.round(at), 0), sorted.length - 1)] ?? 0
    const [from, to] = [spread(sorted.length * outside), spread(sorted.length * (1 - outside) - 1)]
    const slack = (to - from) * 0.05
    return [Math.max(from - slack, sorted[0] ?? 0), Math.min(to + slack, sorted[sorted.length - 1] ?? 0)]
  }
  const [x, y, z] = [axis(0), axis(1), axis(2)]
  return { low: [x[0], y[0], z[0]], high: [x[1], y[1], z[1]] }
}

/**
 * Typical distance between neighbours if all points were here. On surfaces it shrinks with the root of their number, so it is
 * measured between the points of a sample and scaled.
 */
export function typicalSpacing(points: Float32Array, total: number): number {
  const count = points.length / 3
  if (count < 2) return 0.01
  const asked = Math.min(count, 200)
  const nearest = new Float64Array(asked)
  for (let i = 0; i < asked; i++) nearest[i] = nearestDistance(points, Math.floor((i * count) / asked))
  return APART * Math.max(nearest.sort()[asked >> 1] as number, 1e-6) * Math.sqrt(count / Math.max(total, count))
}

function nearestDistance(points: Float32Array, at: number): number {
  const [x, y, z] = [points[at * 3] as number, points[at * 3 + 1] as number, points[at * 3 + 2] as number]
  let best = Infinity
  for (let i = 0; i < points.length; i += 3) {
    if (i === at * 3) continue
    const [dx, dy, dz] = [(points[i] as number) - x, (points[i + 1] as number) - y, (points[i + 2] as number) - z]
    best = Math.min(best, dx * dx + dy * dy + dz * dz)
  }
  return Math.sqrt(best)
}
