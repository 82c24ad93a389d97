import { describe, expect, it } from 'vitest'
import { checkRuns, encodeRuns, forEachSpan, maskArea, maskContains, readVarints, unionBox, writeVarints, type RunMask } from '../src/state/runs'

/** The golden mask: two parts, one hole, ten pixels in 5 rows of 6. */
const T = [
  [0, 0, 0, 0, 0, 0],
  [0, 1, 1, 1, 0, 0],
  [0, 1, 0, 1, 0, 0],
  [0, 1, 1, 1, 0, 1],
  [0, 0, 0, 0, 0, 1],
]
const FLAT = Uint8Array.from(T.flat())
const BOX = { x0: 1, y0: 1, x1: 6, y1: 5 }

function decode(mask: RunMask, width: number, height: number): number[] {
  const pixels = new Array<number>(width * height).fill(0)
  forEachSpan(mask, width, (from, to) => pixels.fill(1, from, to))
  return pixels
}

describe('run lengths', () => {
  it('gives the golden vector for the cropped golden mask', () => {
    expect([...encodeRuns(FLAT, 6, BOX).runs]).toEqual([0, 3, 2, 1, 1, 1, 2, 3, 1, 1, 4, 1])
  })

  it('gives the golden vector for the whole image', () => {
    const whole = encodeRuns(FLAT, 6, { x0: 0, y0: 0, x1: 6, y1: 5 })
    expect([...whole.runs]).toEqual([7, 3, 3, 1, 1, 1, 3, 3, 1, 1, 5, 1])
    expect(maskArea(whole)).toBe(10)
  })

  it('comes back from its runs', () => {
    expect(decode(encodeRuns(FLAT, 6, BOX), 6, 5)).toEqual(T.flat())
  })

  it('knows every pixel', () => {
    const mask = encodeRuns(FLAT, 6, BOX)
    for (let y = 0; y < 5; y++) for (let x = 0; x < 6; x++) {
      expect(maskContains(mask, x + 0.5, y + 0.5), `${x}, ${y}`).toBe(T[y]?.[x] === 1)
    }
    expect(maskContains(mask, -0.5, 1.5)).toBe(false)
    expect(maskContains(mask, 6.1, 3.5)).toBe(false)
  })

  it.each([
    ['empty', 4, 3, () => 0],
    ['full', 4, 3, () => 1],
    ['one pixel', 1, 1, () => 1],
    ['checkerboard', 5, 4, (x: number, y: number) => (x + y) % 2],
    ['rows', 4, 4, (_: number, y: number) => y % 2],
  ])('round trip: %s', (_name, width, height, value) => {
    const pixels = Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)))
    const mask = encodeRuns(pixels, width, { x0: 0, y0: 0, x1: width, y1: height })
    expect(decode(checkRuns(mask), width, height)).toEqual([...pixels])
  })

  it('refuses runs that do not fill the crop', () => {
    expect(() => checkRuns({ box: BOX, runs: Uint32Array.from([0, 3]) })).toThrow('sum to 3')
  })
})

describe('varints', () => {
  it('are unsigned LEB128', () => {
    expect([...writeVarints([0, 1, 127, 128, 300, 65536])]).toEqual([0, 1, 127, 0x80, 1, 0xac, 2, 0x80, 0x80, 4])
  })

  it('come back, also at 32 bits', () => {
    const values = [0, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32 - 1]
    const bytes = writeVarints(values)
    expect([...readVarints(bytes, 0, values.length).values]).toEqual(values)
    expect(readVarints(bytes, 0, values.length).end).toBe(bytes.length)
  })

  it('tell where they break off', () => {
    expect(() => readVarints(Uint8Array.from([1, 0x80]), 0, 2)).toThrow('run 1 of 2')
  })
})

it('joins boxes and ignores empty ones', () => {
  const none = { x0: 0, y0: 0, x1: 0, y1: 0 }
  expect(unionBox(none, BOX)).toEqual(BOX)
  expect(unionBox({ x0: 0, y0: 4, x1: 2, y1: 9 }, BOX)).toEqual({ x0: 0, y0: 1, x1: 6, y1: 9 })
})
