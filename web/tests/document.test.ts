import { describe, expect, it } from 'vitest'
import { applied, opened, settled } from '../src/state/document'
import { ack, object, ready } from './fake'

describe('document', () => {
  const start = opened(ready({ rev: 4, objects: [object(2, { z: 9 }), object(1)], active: 2 }))

  it('keeps objects bottom first', () => {
    expect(start.objects.map((o) => o.id)).toEqual([1, 2])
  })

  it('replaces what changed, drops what is gone and keeps the rest', () => {
    const next = applied(start, ack(1, { rev: 5, objects: [object(3), object(2, { area: 7 })], removed: [1], active: 3 }))
    expect(next.objects.map((o) => [o.id, o.area])).toEqual([[2, 7], [3, 0]])
    expect(next).toMatchObject({ rev: 5, active: 3 })
    expect(start.objects).toHaveLength(2)
  })

  it("takes somebody else's change without changing what is active", () => {
    const next = applied(start, { ...ack(0, { rev: 9, objects: [object(5)] }), type: 'changed', by: 'other' })
    expect(next).toMatchObject({ rev: 9, active: 2 })
  })

  it('lets go of an active object that somebody finished or deleted', () => {
    const finished = object(2, { state: 'finished' })
    expect(applied(start, { ...ack(0, { objects: [finished] }), type: 'changed', by: null }).active).toBeNull()
    expect(applied(start, { ...ack(0, { removed: [2] }), type: 'changed', by: null }).active).toBeNull()
  })

  it('never goes back in revisions', () => {
    expect(applied(start, ack(1, { rev: 2 })).rev).toBe(4)
  })

  it('does not bring a deleted object back when its mask comes late', () => {
    expect(settled(start, object(8))).toBe(start)
  })
})
