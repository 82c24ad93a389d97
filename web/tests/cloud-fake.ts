/** A made-up cloud: a grid of points on the ground, in a random order. */

import { Scan, type ScanPlan } from '../src/cloud/scan'

export const plan = (more: Partial<ScanPlan> = {}): ScanPlan => ({
  points: 5, shown: 4, chunks: 2, origin: [100, 200, 300], box: [[0, 0, 0], [3, 0, 1]], up: [0, 0, 1], fields: ['rgb', 'intensity'], labels: 0, ...more,
})

/** Rows 3, 0, 4, 2 of a file of five, whose row 1 has no place. */
export function smallScan(more: Partial<ScanPlan> = {}): Scan {
  const scan = new Scan(plan(more))
  scan.append({
    first: 0, positions: Float32Array.of(3, 0, 1, 0, 0, 0), rows: Uint32Array.of(3, 0), rgb: Uint8Array.of(255, 0, 0, 0, 255, 0), intensity: Uint8Array.of(0, 255),
  })
  scan.append({
    first: 2, positions: Float32Array.of(2, 0, 0.5, 1, 0, 0), rows: Uint32Array.of(4, 2), rgb: Uint8Array.of(0, 0, 255, 9, 9, 9), intensity: Uint8Array.of(100, 7),
  })
  return scan
}

/** `side` x `side` points a step apart. */
export function grid(side: number, step = 0.1): Float32Array {
  const cells = [...Array(side * side).keys()].sort((a, b) => Math.sin(a * 999) - Math.sin(b * 999))
  return Float32Array.from(cells.flatMap((i) => [(i % side) * step, Math.floor(i / side) * step, 0]))
}
