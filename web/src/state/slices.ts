/**
 * A volume is a tall picture whose slices lie below one another; the page shows one of them at a time. Here coordinates and
 * masks go from the tall picture to the slice that is shown and back.
 */

import { EMPTY_MASK, type RunMask } from './runs'
import type { CommandBody, Look, Loop, Prompt } from './wire'

export const PLANES = ['axial', 'coronal', 'sagittal'] as const
export type Plane = (typeof PLANES)[number]

export interface VolumeInfo {
  readonly slices: number
  readonly rows: number
  readonly columns: number
  readonly plane: Plane
  /** Millimetres down, along and between slices. */
  readonly spacing: readonly [number, number, number]
  /** Height of a pixel divided by its width. */
  readonly aspect: number
  /** Letters at left, right, top and bottom; none where the file does not tell. */
  readonly sides: readonly string[]
  readonly modality: string
  /** Centre and width. */
  readonly levels: Window
  readonly range: readonly [number, number]
  readonly presets: Readonly<Record<string, Window>>
  /** Formats that labels can be written in. */
  readonly writes: readonly string[]
}

export type Window = readonly [number, number]

/** Where prompts of other slices are put: out of sight and out of reach. */
const FAR = -1e6

/** The part of a tall mask that lies on one slice, in its pixels. */
export function layerOf(mask: RunMask, slice: number, rows: number): RunMask {
  const { box, runs } = mask
  const [top, bottom] = [Math.max(box.y0, slice * rows), Math.min(box.y1, (slice + 1) * rows)]
  if (top >= bottom) return EMPTY_MASK
  const width = box.x1 - box.x0
  const [low, high] = [(top - box.y0) * width, (bottom - box.y0) * width]
  const found: number[] = []
  let [at, ones] = [0, 0]
  for (let i = 0; i < runs.length && at < high; i++) {
    const end = at + (runs[i] as number)
    const length = Math.min(end, high) - Math.max(at, low)
    if (length > 0) {
      if (found.length === 0 && i % 2 === 1) found.push(0)
      found.push(length)
      if (i % 2 === 1) ones += length
    }
    at = end
  }
  if (ones === 0) return EMPTY_MASK
  return { box: { ...box, y0: top - slice * rows, y1: bottom - slice * rows }, runs: Uint32Array.from(found) }
}

/** The prompts as they lie on a slice, all of them and in their order, so that their numbers stay. */
export function promptsOn<P extends Prompt>(prompts: readonly P[], slice: number, rows: number): readonly P[] {
  const moved = (y: number): number => (Math.floor(y / rows) === slice ? y - slice * rows : FAR)
  return prompts.map((prompt) => {
    switch (prompt.kind) {
      case 'click':
        return { ...prompt, y: moved(prompt.y) }
      case 'box': {
        const by = moved((prompt.y0 + prompt.y1) / 2) - (prompt.y0 + prompt.y1) / 2
        return { ...prompt, y0: prompt.y0 + by, y1: prompt.y1 + by }
      }
      case 'mask':
        return prompt
      default: {
        const middle = prompt.points.reduce((sum, [, y]) => sum + y, 0) / prompt.points.length
        const by = moved(middle) - middle
        return { ...prompt, points: prompt.points.map(([x, y]) => [x, y + by] as const) }
      }
    }
  })
}

/** A command about the slice that is shown, as the server understands it: rows counted from the first slice's first. */
export function toTall<C extends CommandBody | Look>(command: C, slice: number, rows: number): C {
  const by = slice * rows
  const line = (points: Loop): Loop => points.map(([x, y]) => [x, y + by] as const)
  const body: CommandBody | Look = command
  switch (body.type) {
    case 'click':
    case 'wand':
    case 'hover':
      return { ...command, y: body.y + by }
    case 'accept':
      return body.y === undefined ? command : { ...command, y: body.y + by }
    case 'box':
      return { ...command, y0: body.y0 + by, y1: body.y1 + by }
    case 'scribble':
    case 'lasso':
    case 'paint':
      return { ...command, points: line(body.points) }
    case 'polygon':
      return { ...command, loops: body.loops.map(line), ...(body.before ? { before: body.before.map(line) } : {}) }
    default:
      return command
  }
}

/** The slice in the middle of an object's box, [x0, y0, x1, y1] in the tall picture; null for an empty one. */
export function middleSlice(box: readonly [number, number, number, number], rows: number): number | null {
  return box[3] > box[1] ? Math.floor((box[1] + box[3] - 1) / 2 / rows) : null
}

/** A window between what is black and what is white, at least a thousandth of the range wide. */
export function windowOf(low: number, high: number, range: readonly [number, number]): Window {
  const least = Math.max((range[1] - range[0]) / 1000, 1e-6)
  return [(low + high) / 2, Math.max(high - low, least, 1)]
}
