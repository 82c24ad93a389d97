import { describe, expect, it } from 'vitest'
import { outline } from '../src/state/outline'
import { encodeRuns, type RunMask } from '../src/state/runs'

function maskOf(rows: readonly string[], x0 = 0, y0 = 0): RunMask {
  const width = (rows[0] as string).length
  const pixels = Uint8Array.from(rows.join(''), (c) => (c === '#' ? 1 : 0))
  const mask = encodeRuns(pixels, width, { x0: 0, y0: 0, x1: width, y1: rows.length })
  return { box: { x0, y0, x1: x0 + width, y1: y0 + rows.length }, runs: mask.runs }
}

/** Area inside rings that run with the mask on their right: holes count negative. */
const area = (ring: readonly number[]): number => {
  let sum = 0
  for (let i = 0; i < ring.length; i += 2) {
    const j = (i + 2) % ring.length
    sum += (ring[i] as number) * (ring[j + 1] as number) - (ring[j] as number) * (ring[i + 1] as number)
  }
  return sum / 2
}

describe('outlines', () => {
  it('of a pixel are its four corners', () => {
    expect(outline(maskOf(['#'], 3, 2))).toEqual([[4, 2, 4, 3, 3, 3, 3, 2]])
  })

  it('go round parts and holes', () => {
    const rings = outline(maskOf(['......', '.###..', '.#.#..', '.###.#', '.....#']))
    expect(rings.map(area)).toEqual([9, -1, 2])
  })

  it('of pixels that touch at a corner are a ring each', () => {
    expect(outline(maskOf(['#.', '.#'])).map(area)).toEqual([1, 1])
    expect(outline(maskOf(['.#', '#.'])).map(area)).toEqual([1, 1])
  })

  it('of random masks enclose exactly their pixels', () => {
    let seed = 7
    const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647
    for (let n = 0; n < 50; n++) {
      const rows = Array.from({ length: 9 }, () => Array.from({ length: 12 }, () => (random() < 0.5 ? '#' : '.')).join(''))
      const pixels = rows.join('').split('#').length - 1
      expect(outline(maskOf(rows)).reduce((sum, ring) => sum + area(ring), 0)).toBe(pixels)
    }
  })

  it('of nothing are none', () => {
    expect(outline(maskOf(['..']))).toEqual([])
  })
})
