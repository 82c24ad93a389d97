import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Annotator } from '../src/state/annotator'
import { whereIn } from '../src/state/doubter'
import { Refusal } from '../src/state/ports'
import { EMPTY_MASK } from '../src/state/runs'
import { createStore } from '../src/state/store'
import type { Uncertainty } from '../src/state/wire'
import { ack, fakePorts, image, LEAF, object, ready } from './fake'

const PLACES = [{ x: 1.5, y: 2.5, pixels: 40, inside: true }, { x: 6.5, y: 4.5, pixels: 9, inside: false }]
const CUP = object(5, { box: [0, 0, 6, 6], rev: 1 })

function setup(answer: () => Promise<Uncertainty>) {
  const store = createStore()
  const fake = fakePorts()
  const ask = vi.fn(answer)
  Object.assign(fake.ports.rest, { uncertainty: ask })
  store.images.value = [image(3)]
  store.classes.value = [LEAF]
  const annotator = new Annotator(store, fake.ports, 'client-12345')
  annotator.open(3)
  fake.handlers.connected('open')
  fake.handlers.message(ready({ objects: [CUP], active: 5 }))
  return { store, fake, ask, doubter: annotator.doubter, annotator }
}

const answer = (places = PLACES) => () => Promise.resolve({ object: 5, rev: 1, expected_iou: 0.9, unsure: EMPTY_MASK, places })
const settled = () => new Promise((done) => setTimeout(done))

let parts = setup(answer())
beforeEach(() => {
  parts = setup(answer())
})

describe('what is unsure', () => {
  it('is asked for on demand only, and said in words', async () => {
    await settled()
    expect(parts.ask).not.toHaveBeenCalled()
    parts.doubter.next()
    await settled()
    expect(parts.ask).toHaveBeenCalledWith(5)
    expect(parts.store.announcement.value).toBe('Unsure at the left of leaf #5, 1 of 2, about 40 pixels: press Enter to go there.')
    expect(parts.store.proposed.value).toBe(true)
  })

  it('steps through the places and round', async () => {
    parts.doubter.next()
    await settled()
    parts.doubter.next()
    expect(parts.store.doubts.value?.at).toBe(1)
    expect(parts.store.announcement.value).toContain('bottom right of leaf #5, 2 of 2')
    parts.doubter.next()
    expect(parts.store.doubts.value?.at).toBe(0)
    parts.doubter.previous()
    expect(parts.store.doubts.value?.at).toBe(1)
    expect(parts.ask).toHaveBeenCalledTimes(1)
  })

  it('goes to a place without clicking there', async () => {
    parts.doubter.next()
    await settled()
    expect(parts.doubter.go()).toEqual({ x: 1.5, y: 2.5 })
    expect(parts.store.proposed.value).toBe(false)
    expect(parts.fake.sent).toEqual([])
  })

  it('is asked for again when the object has changed', async () => {
    parts.doubter.next()
    await settled()
    parts.fake.handlers.message(ack(1, { active: 5, objects: [{ ...CUP, rev: 2, settled: false }] }))
    await settled()
    expect(parts.ask).toHaveBeenCalledTimes(1)
    parts.fake.handlers.message({ type: 'settled', object: { ...CUP, rev: 2 } })
    await settled()
    expect(parts.ask).toHaveBeenCalledTimes(2)
  })

  it('is closed before Escape throws anything away', async () => {
    parts.doubter.next()
    await settled()
    parts.annotator.startOver()
    expect([parts.store.doubting.value, parts.store.doubts.value]).toEqual([false, null])
    expect(parts.fake.sent).toEqual([])
  })

  it('needs an object', () => {
    parts.fake.handlers.message(ack(1, { removed: [5] }))
    parts.doubter.next()
    expect(parts.store.announcement.value).toContain('Click an object first')
    expect(parts.store.doubting.value).toBe(false)
  })
})

it('a sure model says so, a refusal is said', async () => {
  parts = setup(answer([]))
  parts.doubter.next()
  await settled()
  expect(parts.store.announcement.value).toBe('The model is sure of leaf #5.')
  expect(parts.store.proposed.value).toBe(false)
  parts = setup(() => Promise.reject(new Refusal('not_now', 'It was painted.')))
  parts.doubter.next()
  await settled()
  expect([parts.store.doubting.value, parts.store.announcement.value]).toEqual([false, 'It was painted.'])
})

it.each([
  [0.5, 0.5, 'top-left'], [3, 3, 'middle'], [3, 0.5, 'top'], [9, 3, 'right'], [3, 5.9, 'bottom'], [-4, 9, 'bottom-left'],
])('(%d, %d) lies at the %s', (x, y, where) => {
  expect(whereIn(CUP, { x, y, pixels: 1, inside: true })).toBe(where)
})
