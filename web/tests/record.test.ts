import { describe, expect, it } from 'vitest'
import { parseRecord } from '../src/state/wire'
import { record } from './fake'

describe('mask records', () => {
  it('carry the golden mask', () => {
    const parsed = parseRecord(record({ seq: 7, rev: 18, object: 12, box: { x0: 1, y0: 1, x1: 6, y1: 5 }, runs: [0, 3, 2, 1, 1, 1, 2, 3, 1, 1, 4, 1] }))
    expect(parsed).toMatchObject({ settled: true, seq: 7, rev: 18, object: 12, mask: { box: { x0: 1, y0: 1, x1: 6, y1: 5 } } })
    expect([...parsed.mask.runs]).toEqual([0, 3, 2, 1, 1, 1, 2, 3, 1, 1, 4, 1])
  })

  it('may be empty', () => {
    expect(parseRecord(record({ box: { x0: 0, y0: 0, x1: 0, y1: 0 }, runs: [] })).mask.runs).toHaveLength(0)
  })

  it('are refused when malformed', () => {
    expect(() => parseRecord(new ArrayBuffer(8))).toThrow('36 bytes')
    const wrong = record({ runs: [] })
    new DataView(wrong).setUint8(0, 0)
    expect(() => parseRecord(wrong)).toThrow("'M1'")
    expect(() => parseRecord(record({ box: { x0: 0, y0: 0, x1: 2, y1: 2 }, runs: [1, 2] }))).toThrow('sum to 3')
  })
})
