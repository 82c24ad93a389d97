import { expect, it } from 'vitest'
import { Outbox } from '../src/state/outbox'

it('numbers commands upwards and forgets acknowledged ones', () => {
  const outbox = new Outbox()
  expect(outbox.add({ type: 'undo' }, 3)).toEqual({ type: 'undo', seq: 1, rev: 3 })
  expect(outbox.add({ type: 'redo' }, 3).seq).toBe(2)
  expect(outbox.settle(1)).toBe(true)
  expect(outbox.settle(1)).toBe(false)
  expect(outbox.pending.map((c) => c.seq)).toEqual([2])
})

it('sends again only what the server has not stored, under the old numbers', () => {
  const outbox = new Outbox()
  for (let i = 0; i < 4; i++) outbox.add({ type: 'undo' }, 0)
  expect(outbox.resume(2).map((c) => c.seq)).toEqual([3, 4])
})

it('counts on from what the server knows', () => {
  const outbox = new Outbox()
  outbox.resume(41)
  expect(outbox.add({ type: 'undo' }, 0).seq).toBe(42)
})

it('takes up what a page left behind', () => {
  const outbox = new Outbox([{ type: 'undo', seq: 7, rev: 2 }])
  expect(outbox.resume(6).map((c) => c.seq)).toEqual([7])
  expect(outbox.add({ type: 'redo' }, 2).seq).toBe(8)
})
