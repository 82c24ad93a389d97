import { describe, expect, it } from 'vitest'
import { doneShare, follow } from '../src/state/lessons'
import type { Rest } from '../src/state/ports'
import { createStore } from '../src/state/store'
import type { Lesson, Models } from '../src/state/wire'

const lesson = (at: number, more: Partial<Lesson> = {}): Lesson => ({
  name: 'mine', state: 'training', objects: 2, images: 1, step: 0, steps: 8, samples: 0, samples_per_second: null, seconds_left: null, loss: null, iou: null,
  first: {}, last: {}, problem: null, words: null, at, ...more,
})
const MODELS: Models = { current: 'default', state: 'ready', problem: null, models: [{ name: 'mine', summary: '', licence: '' }] }
const rest = { models: () => Promise.resolve(MODELS) } as unknown as Rest

describe('a training', () => {
  it('is not set back by an answer that was overtaken', () => {
    const store = createStore()
    follow(store, rest, lesson(2, { step: 3 }))
    follow(store, rest, lesson(1, { state: 'preparing' }))
    expect(store.lesson.value?.step).toBe(3)
    expect(doneShare(store.lesson.value as Lesson)).toBe(3 / 8)
  })

  it('says its end once, and the new model stands in the menu', async () => {
    const store = createStore()
    follow(store, rest, lesson(1))
    follow(store, rest, lesson(2, { state: 'done' }))
    follow(store, rest, lesson(2, { state: 'done' }))
    expect(store.toasts.value.map((one) => one.text)).toEqual(['The model mine is ready and stands in the menu of models.'])
    await Promise.resolve()
    expect(store.models.value).toBe(MODELS)
  })

  it('tells why it failed', () => {
    const store = createStore()
    follow(store, rest, lesson(1))
    follow(store, rest, lesson(2, { state: 'failed', problem: 'The data are odd.' }))
    expect(store.toasts.value.map((one) => [one.tone, one.text])).toEqual([['error', 'The training of mine failed. The data are odd.']])
  })
})
