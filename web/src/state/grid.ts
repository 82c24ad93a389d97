/** Where the layers lie on the image and how finely: on all of it pixel by pixel, or on what is seen of a large one. */

import { isEmptyBox, type Box } from './runs'
import { toImage, type Size, type View } from './view'

export interface Grid {
  /** Image pixel that the first cell begins with. */
  readonly x0: number
  readonly y0: number
  /** Side of a cell in image pixels, a power of two; it shows the pixel in its middle. */
  readonly step: number
  readonly columns: number
  readonly rows: number
}

/** Room round what is seen, as a part of it, so that not every move of the view means painting anew. */
const ROOM = 0.2
/** Longest side in cells: graphics cards take no larger textures. */
const LONGEST = 8192

export function wholeGrid(size: Size): Grid {
  return { x0: 0, y0: 0, step: 1, columns: size.width, rows: size.height }
}

/** A grid for what a view shows: its cells are no larger than the screen's pixels, so that edges are exact on the screen. */
export function gridFor(view: View, canvas: Size, ratio: number, image: Size): Grid {
  const seen = seenBox(view, canvas, image)
  if (isEmptyBox(seen)) return { x0: 0, y0: 0, step: stepFor(view, ratio), columns: 1, rows: 1 }
  const [roomX, roomY] = [(seen.x1 - seen.x0) * ROOM, (seen.y1 - seen.y0) * ROOM]
  let step = stepFor(view, ratio)
  for (;;) {
    const x0 = Math.floor(Math.max(seen.x0 - roomX, 0) / step) * step
    const y0 = Math.floor(Math.max(seen.y0 - roomY, 0) / step) * step
    const columns = Math.ceil((Math.min(seen.x1 + roomX, image.width) - x0) / step)
    const rows = Math.ceil((Math.min(seen.y1 + roomY, image.height) - y0) / step)
    if (Math.max(columns, rows) <= LONGEST) return { x0, y0, step, columns, rows }
    step *= 2
  }
}

/** Whether a grid shows all of a view as finely as `gridFor` would. */
export function covers(grid: Grid, view: View, canvas: Size, ratio: number, image: Size): boolean {
  const seen = seenBox(view, canvas, image)
  if (isEmptyBox(seen)) return true
  const [right, bottom] = [grid.x0 + grid.columns * grid.step, grid.y0 + grid.rows * grid.step]
  const inside = seen.x0 >= grid.x0 && seen.y0 >= grid.y0 && seen.x1 <= right && seen.y1 <= bottom
  return inside && grid.step === gridFor(view, canvas, ratio, image).step
}

/** The cells that a box of the image touches, cut to the grid. */
export function cellBox(grid: Grid, box: Box): Box {
  if (isEmptyBox(box)) return { x0: 0, y0: 0, x1: 0, y1: 0 }
  const { x0, y0, step, columns, rows } = grid
  return {
    x0: Math.max(0, Math.floor((box.x0 - x0) / step)),
    y0: Math.max(0, Math.floor((box.y0 - y0) / step)),
    x1: Math.min(columns, Math.ceil((box.x1 - x0) / step)),
    y1: Math.min(rows, Math.ceil((box.y1 - y0) / step)),
  }
}

/** Number of the cell that a point of the image falls on; of the nearest one outside the grid. */
export function cellAt(grid: Grid, x: number, y: number): number {
  const column = Math.min(Math.max(Math.floor((x - grid.x0) / grid.step), 0), grid.columns - 1)
  const row = Math.min(Math.max(Math.floor((y - grid.y0) / grid.step), 0), grid.rows - 1)
  return row * grid.columns + column
}

/** Calls `paint` with the numbers of the cells that show a stretch of a row of the image, half-open; not if there are none. */
export function forCells(grid: Grid, row: number, from: number, to: number, paint: (from: number, to: number) => void): void {
  const { x0, y0, step, columns, rows } = grid
  const middle = step >> 1
  const at = (row - y0 - middle) / step
  if (at < 0 || at >= rows || !Number.isInteger(at)) return
  const first = Math.max(0, Math.ceil((from - x0 - middle) / step))
  const end = Math.min(columns, Math.ceil((to - x0 - middle) / step))
  if (first < end) paint(at * columns + first, at * columns + end)
}

/** What of the image is on the canvas, in whole pixels. */
export function seenBox(view: View, canvas: Size, image: Size): Box {
  const from = toImage(view, { x: 0, y: 0 })
  const to = toImage(view, { x: canvas.width, y: canvas.height })
  return {
    x0: Math.max(0, Math.floor(from.x)), y0: Math.max(0, Math.floor(from.y)),
    x1: Math.min(image.width, Math.ceil(to.x)), y1: Math.min(image.height, Math.ceil(to.y)),
  }
}

function stepFor(view: View, ratio: number): number {
  return Math.max(1, 2 ** Math.floor(Math.log2(1 / (view.scale * ratio))))
}
