/** The colour of every point before masks lie over it. */

import type { Rgb } from '../state/palette'
import type { Scan } from './scan'

export const COLOURINGS = ['rgb', 'label', 'height', 'intensity'] as const
export type Colouring = (typeof COLOURINGS)[number]

/** From low to high, equally bright steps that every kind of colour vision tells apart (after viridis and its kin). */
const RAMP: readonly Rgb[] = [[64, 44, 122], [52, 96, 156], [38, 142, 140], [72, 184, 108], [170, 214, 70], [250, 228, 80]]
const PLAIN: Rgb = [176, 180, 186]
/** Where colours say the object, the rest keeps some of its own light, so that shapes can still be read. */
const FAINT = { least: 84, share: 0.34 }

/** The ways of colouring that a cloud has something for. */
export function colouringsOf(scan: Pick<Scan, 'rgb' | 'intensity'>): readonly Colouring[] {
  return COLOURINGS.filter((one) => (one === 'rgb' ? scan.rgb !== null : one === 'intensity' ? scan.intensity !== null : true))
}

/** Fills r, g, b, 255 of the points `from` to `to` (half-open). `heights` are the lowest and the highest z of the ramp. */
export function paintPoints(scan: Scan, colouring: Colouring, heights: readonly [number, number], from: number, to: number, into: Uint8Array): void {
  if (colouring === 'height') return paintHeights(scan, heights, from, to, into)
  for (let i = from; i < to; i++) {
    const at = i * 4
    if (colouring === 'intensity' && scan.intensity) {
      into[at] = into[at + 1] = into[at + 2] = 30 + 0.86 * (scan.intensity[i] as number)
    } else if (scan.rgb) {
      const [r, g, b] = [scan.rgb[i * 3] as number, scan.rgb[i * 3 + 1] as number, scan.rgb[i * 3 + 2] as number]
      const light = FAINT.least + FAINT.share * (0.3 * r + 0.59 * g + 0.11 * b)
      into[at] = colouring === 'label' ? light : r
      into[at + 1] = colouring === 'label' ? light : g
      into[at + 2] = colouring === 'label' ? light : b
    } else into.set(PLAIN, at)
    into[at + 3] = 255
  }
}

function paintHeights(scan: Scan, [low, high]: readonly [number, number], from: number, to: number, into: Uint8Array): void {
  const { positions } = scan
  const [a, b, c] = scan.rotation[2]
  for (let i = from; i < to; i++) {
    const z = a * (positions[i * 3] as number) + b * (positions[i * 3 + 1] as number) + c * (positions[i * 3 + 2] as number)
    ramp((z - low) / Math.max(high - low, 1e-9), into, i * 4)
    into[i * 4 + 3] = 255
  }
}

function ramp(share: number, into: Uint8Array, at: number): void {
  const place = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1)
  const step = Math.min(Math.floor(place), RAMP.length - 2)
  const [below, above] = [RAMP[step] as Rgb, RAMP[step + 1] as Rgb]
  for (let k = 0; k < 3; k++) into[at + k] = (below[k] as number) + ((above[k] as number) - (below[k] as number)) * (place - step)
}
