import { describe, expect, it } from 'vitest'
import { EMPTY_MASK, encodeRuns, type RunMask } from '../src/state/runs'
import { shapeOf } from '../src/state/shape'

function mask(...rows: string[]): RunMask {
  const width = (rows[0] as string).length
  const crop = encodeRuns(Uint8Array.from(rows.join(''), (c) => (c === '#' ? 1 : 0)), width, { x0: 0, y0: 0, x1: width, y1: rows.length })
  return { ...crop, box: { x0: 3, y0: 5, x1: 3 + width, y1: 5 + rows.length } }
}

describe('the shape of a mask', () => {
  it.each([
    [mask('.###..', '.#.#..', '.###.#', '.....#'), 2, 1],
    [mask('##..', '..##'), 1, 0], // corners touch
    [mask('.#.', '#.#', '.#.'), 1, 1], // a ring of corners encloses its middle
    [mask('#.', '.#'), 1, 0],
    [mask('#####', '#.#.#', '#####'), 1, 2],
    [mask('#####', '#...#', '#.#.#', '#...#', '#####'), 2, 1], // an island in a lake
    [mask('#.#', '#.#', '###'), 1, 0], // an inlet is no hole
    [mask('#.#', '###', '#.#'), 1, 0],
    [mask('#'), 1, 0],
  ])('%#', (one, parts, holes) => {
    expect(shapeOf(one)).toEqual({ parts, holes })
  })

  it('of nothing is nothing', () => {
    expect(shapeOf(EMPTY_MASK)).toEqual({ parts: 0, holes: 0 })
  })
})
