/** Which object every point belongs to, as one number a point for the renderer. */

import type { Layers } from '../state/layers'
import { forEachSpan, type RunMask } from '../state/runs'
import type { Scan } from './scan'

/** Above the 16 bits of an object's slot. */
export const FLAG = { active: 1 << 16, ghost: 1 << 17, preview: 1 << 18, hidden: 1 << 19 } as const

export interface MarkSource {
  readonly layers: Layers
  /** Points of hidden objects are not drawn: one sees what lies behind. */
  readonly hidden: readonly RunMask[]
  readonly ghosts: RunMask
  readonly preview: RunMask
}

/** Slot and flags of every point, in the drawn order. */
export class Marks {
  readonly drawn: Uint32Array
  private readonly inFile: Uint32Array

  constructor(private readonly scan: Scan) {
    this.drawn = new Uint32Array(scan.plan.shown)
    this.inFile = new Uint32Array(scan.plan.points)
  }

  /** Takes the objects as they are now. */
  refresh({ layers, hidden, ghosts, preview }: MarkSource): void {
    const { inFile, drawn } = this
    const { rows, count } = this.scan
    const { ids, active } = layers
    for (let i = 0; i < inFile.length; i++) inFile[i] = (ids[i] as number) | (active[i] ? FLAG.active : 0)
    this.put(ghosts, FLAG.ghost)
    this.put(preview, FLAG.preview)
    for (const mask of hidden) this.put(mask, FLAG.hidden)
    layers.taken()
    for (let i = 0; i < count; i++) drawn[i] = inFile[rows[i] as number] as number
  }

  /** The points `from` to `to` have arrived. */
  extend(from: number, to: number): void {
    for (let i = from; i < to; i++) this.drawn[i] = this.inFile[this.scan.rows[i] as number] as number
  }

  private put(mask: RunMask, flag: number): void {
    forEachSpan(mask, this.inFile.length, (from, to) => {
      for (let i = from; i < to; i++) this.inFile[i] = (this.inFile[i] as number) | flag
    })
  }
}
