/** How the open cloud is looked at, as signals. What belongs to the project (objects, prompts) is in state/store.ts. */

import { computed, signal } from '@preact/signals-core'
import type { Size } from '../state/view'
import type { Camera } from './camera'
import type { Clip } from './clip'
import { colouringsOf, type Colouring } from './colours'
import { robustBounds, typicalSpacing, type Bounds, type Scan } from './scan'

export const POINT_SIZES = { least: 0.4, most: 3 } as const

/** What is worked out once the first points of a cloud are here. */
export interface Facts {
  /** Some points in the frame with z up, coordinates one after another. */
  readonly sample: Float32Array
  readonly bounds: Bounds
  /** Typical distance between neighbours, metres. */
  readonly spacing: number
}

export function factsOf(scan: Scan): Facts {
  const sample = scan.sample()
  return { sample, bounds: robustBounds(sample, 0), spacing: typicalSpacing(sample, scan.plan.shown) }
}

export function createCloudState() {
  const scan = signal<Scan | null>(null)
  const wanted = signal<Colouring>('rgb')
  const facts = signal<Facts | null>(null)
  const clip = signal<Clip | null>(null)
  /** Points that have arrived. */
  const arrived = signal(0)
  const colourings = computed(() => (scan.value ? colouringsOf(scan.value) : []))
  return {
    scan, arrived, facts, clip, wanted, colourings,
    camera: signal<Camera | null>(null),
    /** Of the canvas, CSS pixels. */
    canvas: signal<Size>({ width: 0, height: 0 }),
    /** The way of colouring in use: the one that is wanted if the cloud has something for it. */
    colouring: computed(() => (colourings.value.includes(wanted.value) ? wanted.value : (colourings.value.find((one) => one !== 'label') ?? 'height'))),
    /** Factor on the size of points. */
    pointSize: signal(1),
    lighting: signal(true),
    /** Others are darker while an object is at work. */
    dimming: signal(true),
    clipShown: signal(false),
    /** Number of the point under the pointer or the crosshair, in the drawn order. */
    pointed: signal<number | null>(null),
    renderer: signal<'webgl2' | 'canvas2d'>('webgl2'),
    /** Points in the newest picture. */
    drawn: signal(0),
  }
}

export type CloudState = ReturnType<typeof createCloudState>
