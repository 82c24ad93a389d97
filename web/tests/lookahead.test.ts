import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Annotator } from '../src/state/annotator'
import { REST_MS, SLOW_MS } from '../src/state/lookahead'
import { createStore } from '../src/state/store'
import { parseRecord } from '../src/state/wire'
import { ack, fakePorts, image, LEAF, object, ready, record } from './fake'

function setup() {
  const store = createStore()
  const fake = fakePorts()
  store.images.value = [image(3)]
  store.classes.value = [LEAF]
  const annotator = new Annotator(store, fake.ports, 'client-12345')
  annotator.open(3)
  fake.handlers.connected('open')
  fake.handlers.message(ready())
  return { store, fake, annotator }
}

let { store, fake, annotator } = setup()
beforeEach(() => {
  vi.useFakeTimers()
  ;({ store, fake, annotator } = setup())
})
afterEach(() => vi.useRealTimers())

const types = (): string[] => fake.sent.map((one) => one.type)
const answer = (seq: number): void => {
  const bytes = record({ seq, box: { x0: 1, y0: 1, x1: 3, y1: 3 }, runs: [0, 4] })
  new Uint8Array(bytes)[2] = 2
  fake.handlers.records([parseRecord(bytes)])
}

describe('looking ahead', () => {
  it('asks when the pointer rests, not while it moves', () => {
    for (let x = 1; x < 6; x++) {
      annotator.ahead.move({ x, y: 2 }, true)
      vi.advanceTimersByTime(REST_MS / 2)
    }
    expect(types()).toEqual([])
    vi.advanceTimersByTime(REST_MS)
    expect(fake.sent).toMatchObject([{ type: 'hover', seq: 1, x: 5, y: 2, positive: true }])
    answer(1)
    expect(store.preview.value?.mask?.runs).toEqual(Uint32Array.from([0, 4]))
    annotator.ahead.move({ x: 1, y: 5 }, true)
    expect(store.preview.value).toBeNull()
  })

  it('asks at once when the button goes down, and the click is exactly there', () => {
    annotator.ahead.press({ x: 2.25, y: 3.5 }, true)
    annotator.click({ x: 2.75, y: 3.25 }, true)
    expect(fake.sent).toMatchObject([{ type: 'hover', x: 2.25, y: 3.5 }, { type: 'click', x: 2.25, y: 3.5 }])
    expect(store.preview.value).toBeNull()
  })

  it('is called off when a drag begins, and a late answer is not shown', () => {
    annotator.ahead.press({ x: 2, y: 3 }, true)
    annotator.ahead.cancel()
    answer(1)
    expect(types()).toEqual(['hover', 'cancel'])
    expect(store.preview.value).toBeNull()
  })

  it('is neither numbered with the commands nor kept', () => {
    annotator.ahead.press({ x: 2, y: 3 }, true)
    expect(store.unsaved.value).toBe(0)
    annotator.click({ x: 2, y: 3 }, true)
    expect(fake.sent[1]).toMatchObject({ seq: 1 })
  })

  it('does not ask about the background of nothing, nor while something is under way', () => {
    annotator.ahead.press({ x: 2, y: 3 }, false)
    annotator.ahead.press({ x: 20, y: 3 }, true)
    annotator.click({ x: 2, y: 3 }, true)
    annotator.ahead.press({ x: 4, y: 3 }, true)
    expect(types()).toEqual(['click'])
  })

  it('forgets what it saw when the objects change', () => {
    annotator.ahead.press({ x: 2.25, y: 3.5 }, true)
    fake.handlers.message(ack(9, { rev: 4, objects: [object(7)] }))
    expect(annotator.ahead.snapped({ x: 2.75, y: 3.25 }, true)).toEqual({ x: 2.75, y: 3.25 })
  })

  it('switches itself off where answers are slow, and on again when they are not', () => {
    for (let i = 0; i < 10; i++) annotator.ahead.note(SLOW_MS + 100)
    expect(store.lookahead.value).toBe('slow')
    annotator.ahead.move({ x: 2, y: 3 }, true)
    vi.advanceTimersByTime(1000)
    expect(types()).toEqual([])
    for (let i = 0; i < 20; i++) annotator.ahead.note(50)
    expect(store.lookahead.value).toBe('on')
    annotator.ahead.move({ x: 4, y: 3 }, true)
    vi.advanceTimersByTime(1000)
    expect(types()).toEqual(['hover'])
  })

  it('can be switched off', () => {
    store.hover.value = 'off'
    annotator.ahead.move({ x: 2, y: 3 }, true)
    vi.advanceTimersByTime(1000)
    expect(types()).toEqual([])
  })
})
