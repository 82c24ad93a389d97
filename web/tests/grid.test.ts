import { describe, expect, it } from 'vitest'
import { cellAt, cellBox, covers, forCells, gridFor, wholeGrid, type Grid } from '../src/state/grid'
import { Layers } from '../src/state/layers'
import { encodeRuns } from '../src/state/runs'
import { object } from './fake'

const IMAGE = { width: 20000, height: 16000 }
const CANVAS = { width: 1000, height: 800 }

describe('the grid of a large image', () => {
  it('has cells no larger than the pixels of the screen', () => {
    for (const scale of [0.04, 0.05, 0.24, 0.5, 0.9, 1, 7]) {
      for (const ratio of [1, 2]) {
        const { step } = gridFor({ scale, left: 0, top: 0 }, CANVAS, ratio, IMAGE)
        expect(step === 1 || step * scale * ratio <= 1).toBe(true)
        expect(step * scale * ratio > 0.5 || scale * ratio > 1).toBe(true)
      }
    }
  })
  it('covers what is seen with some room, and no more than the image', () => {
    const view = { scale: 0.5, left: -3000, top: -2000 }
    const grid = gridFor(view, CANVAS, 1, IMAGE)
    expect(grid).toMatchObject({ x0: 5600, step: 2, y0: 3680, columns: 1400, rows: 1120 })
    expect(covers(grid, { ...view, left: -3100 }, CANVAS, 1, IMAGE)).toBe(true)
    expect(covers(grid, { ...view, left: -3300 }, CANVAS, 1, IMAGE)).toBe(false)
    expect(covers(grid, { ...view, scale: 0.2 }, CANVAS, 1, IMAGE)).toBe(false)
    const whole = gridFor({ scale: 0.05, left: 0, top: 0 }, CANVAS, 1, IMAGE)
    expect(whole).toMatchObject({ x0: 0, y0: 0, step: 16, columns: 1250, rows: 1000 })
  })
  it('keeps within what graphics cards take', () => {
    const grid = gridFor({ scale: 0.33, left: 0, top: 0 }, { width: 6000, height: 3000 }, 2, { width: 60000, height: 60000 })
    expect(Math.max(grid.columns, grid.rows)).toBeLessThanOrEqual(8192)
  })
  it('shows nothing where nothing is seen', () => {
    const away = { scale: 1, left: 5000, top: 0 }
    expect(gridFor(away, CANVAS, 1, IMAGE)).toMatchObject({ columns: 1, rows: 1 })
    expect(covers(wholeGrid({ width: 1, height: 1 }), away, CANVAS, 1, IMAGE)).toBe(true)
  })
  it('maps stretches of rows to the cells whose middle they hold', () => {
    const grid: Grid = { x0: 8, y0: 4, step: 4, columns: 3, rows: 2 }
    const seen = (row: number, from: number, to: number): number[] => {
      const found: number[] = []
      forCells(grid, row, from, to, (a, b) => found.push(a, b))
      return found
    }
    expect(seen(6, 10, 11)).toEqual([0, 1])
    expect(seen(6, 11, 15)).toEqual([1, 2])
    expect(seen(6, 0, 99)).toEqual([0, 3])
    expect(seen(10, 0, 99)).toEqual([3, 6])
    expect([seen(5, 0, 99), seen(6, 11, 14), seen(14, 0, 99), seen(2, 0, 99)]).toEqual([[], [], [], []])
    expect([cellAt(grid, 8, 4), cellAt(grid, 19.9, 11.9), cellAt(grid, -5, 99)]).toEqual([0, 5, 3])
    expect(cellBox(grid, { x0: 11, y0: 0, x1: 13, y1: 9 })).toEqual({ x0: 0, y0: 0, x1: 2, y1: 2 })
  })
})

describe('layers of a part of an image', () => {
  const size = { width: 64, height: 48 }
  const pixels = Uint8Array.from({ length: 64 * 48 }, (_, i) => (((i % 64) * 7 + Math.floor(i / 64) * 5) % 11 < 6 ? 1 : 0))
  const mask = encodeRuns(pixels, 64, { x0: 0, y0: 0, x1: 64, y1: 48 })
  const whole = new Layers(size)
  const part = new Layers(size, { x0: 0, y0: 0, step: 1, columns: 1, rows: 1 })
  for (const layers of [whole, part]) {
    layers.setObjects([object(7, { state: 'finished' }), object(9)], 9)
    layers.setMask(7, 1, mask)
    layers.setMask(9, 1, mask)
  }
  for (const [step, x0, y0] of [[1, 5, 9], [2, 8, 4], [4, 16, 0], [8, 0, 0]] as const) {
    it(`show in every cell the pixel in its middle, by ${step}`, () => {
      const grid = { x0, y0, step, columns: Math.floor((64 - x0) / step), rows: Math.floor((48 - y0) / step) }
      part.look(grid)
      expect(part.dirtyIds).toEqual({ x0: 0, y0: 0, x1: grid.columns, y1: grid.rows })
      for (let row = 0; row < grid.rows; row++) {
        for (let column = 0; column < grid.columns; column++) {
          const [x, y] = [x0 + column * step + (step >> 1), y0 + row * step + (step >> 1)]
          expect(part.ids[row * grid.columns + column]).toBe(whole.idAt(x, y))
          expect(part.active[row * grid.columns + column]).toBe(whole.activeAt(x, y) ? 255 : 0)
        }
      }
      part.taken()
      expect(part.dirtyIds.x1).toBe(0)
    })
  }
  it('paint a stroke where it is seen', () => {
    part.look({ x0: 16, y0: 16, step: 1, columns: 16, rows: 16 })
    for (const layers of [whole, part]) {
      layers.strokesYield = false
      const stroke = { seq: null, points: [{ x: 10, y: 20 }, { x: 40, y: 24 }], radius: 3, positive: true }
      layers.beginStroke(stroke)
      layers.extendStroke(stroke, 0)
    }
    for (let y = 16; y < 32; y++) for (let x = 16; x < 32; x++) expect(part.activeAt(x, y)).toBe(whole.activeAt(x, y))
  })
})
