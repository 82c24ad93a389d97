/** Masks as cropped run lengths: row by row, the first run counts zeros (and may be 0). */

export interface Box {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

export interface RunMask {
  readonly box: Box
  readonly runs: Uint32Array
}

export const EMPTY_MASK: RunMask = { box: { x0: 0, y0: 0, x1: 0, y1: 0 }, runs: new Uint32Array(0) }

/** Reads `count` unsigned LEB128 numbers. */
export function readVarints(bytes: Uint8Array, start: number, count: number): { values: Uint32Array; end: number } {
  const values = new Uint32Array(count)
  let at = start
  for (let i = 0; i < count; i++) {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError(`The mask ends in the middle of run ${i} of ${count}.`)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
      factor *= 128
      if (factor > 2 ** 28) throw new RangeError(`Run ${i} is longer than 32 bits.`)
    }
    values[i] = value
  }
  return { values, end: at }
}

/** Unsigned LEB128 bytes. */
export function writeVarints(values: Iterable<number>): Uint8Array {
  const bytes: number[] = []
  for (let value of values) {
    while (value >= 0x80) {
      bytes.push((value % 128) | 0x80)
      value = Math.floor(value / 128)
    }
    bytes.push(value)
  }
  return Uint8Array.from(bytes)
}

/** Run lengths of a crop of a row-major 0/1 array. */
export function encodeRuns(mask: Uint8Array, width: number, box: Box): RunMask {
  const runs: number[] = []
  let current = 0
  let length = 0
  for (let y = box.y0; y < box.y1; y++) {
    for (let x = box.x0; x < box.x1; x++) {
      const value = mask[y * width + x] ? 1 : 0
      if (value !== current) {
        runs.push(length)
        length = 0
        current = value
      }
      length++
    }
  }
  if (length > 0) runs.push(length)
  return { box, runs: Uint32Array.from(runs) }
}

/** Checks that the runs fill the crop exactly. */
export function checkRuns(mask: RunMask): RunMask {
  const { x0, y0, x1, y1 } = mask.box
  const pixels = (x1 - x0) * (y1 - y0)
  const sum = mask.runs.reduce((total, run) => total + run, 0)
  if (sum !== pixels) throw new RangeError(`The runs sum to ${sum}, the crop has ${pixels} pixels.`)
  return mask
}

/** Calls `paint(from, to)` with half-open flat positions in an image of this width for each stretch of ones in a row. */
export function forEachSpan(mask: RunMask, width: number, paint: (from: number, to: number) => void): void {
  const { x0, y0, x1 } = mask.box
  const cropWidth = x1 - x0
  if (cropWidth <= 0) return
  let position = 0
  for (let i = 0; i < mask.runs.length; i++) {
    const end = position + (mask.runs[i] as number)
    if (i % 2 === 1) {
      while (position < end) {
        const row = Math.floor(position / cropWidth)
        const column = position - row * cropWidth
        const length = Math.min(end - position, cropWidth - column)
        const from = (y0 + row) * width + x0 + column
        paint(from, from + length)
        position += length
      }
    }
    position = end
  }
}

/** Number of ones. */
export function maskArea(mask: RunMask): number {
  let area = 0
  for (let i = 1; i < mask.runs.length; i += 2) area += mask.runs[i] as number
  return area
}

/** Whether the pixel under a continuous point is one. */
export function maskContains(mask: RunMask, x: number, y: number): boolean {
  const column = Math.floor(x) - mask.box.x0
  const row = Math.floor(y) - mask.box.y0
  const cropWidth = mask.box.x1 - mask.box.x0
  if (column < 0 || row < 0 || column >= cropWidth || Math.floor(y) >= mask.box.y1) return false
  const target = row * cropWidth + column
  let position = 0
  for (let i = 0; i < mask.runs.length; i++) {
    position += mask.runs[i] as number
    if (target < position) return i % 2 === 1
  }
  return false
}

export function isEmptyBox(box: Box): boolean {
  return box.x1 <= box.x0 || box.y1 <= box.y0
}

/** Smallest box that holds both. */
export function unionBox(a: Box, b: Box): Box {
  if (isEmptyBox(a)) return b
  if (isEmptyBox(b)) return a
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  }
}

export function boxesOverlap(a: Box, b: Box): boolean {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1
}

/** The mask under a crop, sampled at the centres of `columns` x `rows` cells. */
export function maskToGrid(mask: RunMask, crop: Box, columns: number, rows: number): Uint8Array {
  const grid = new Uint8Array(columns * rows)
  const width = mask.box.x1 - mask.box.x0
  const stepX = (crop.x1 - crop.x0) / columns
  const stepY = (crop.y1 - crop.y0) / rows
  const atRow = new Map<number, number[]>()
  for (let row = 0; row < rows; row++) {
    const y = Math.floor(crop.y0 + (row + 0.5) * stepY)
    atRow.set(y, [...(atRow.get(y) ?? []), row])
  }
  forEachSpan({ ...mask, box: { ...mask.box, x0: 0, x1: width } }, width, (from, to) => {
    const y = Math.floor(from / width)
    const first = Math.max(0, Math.ceil((from - y * width + mask.box.x0 - crop.x0) / stepX - 0.5))
    const end = Math.min(columns, Math.ceil((to - y * width + mask.box.x0 - crop.x0) / stepX - 0.5))
    if (first < end) for (const row of atRow.get(y) ?? []) grid.fill(1, row * columns + first, row * columns + end)
  })
  return grid
}
