import { describe, expect, it } from 'vitest'
import { followHints, readHint } from '../src/state/hints'
import { createStore } from '../src/state/store'
import { NO_HISTORY, object } from './fake'

const CLICK = { kind: 'click', x: 1, y: 1, positive: true } as const

function show(store: ReturnType<typeof createStore>, objects: ReturnType<typeof object>[], active: number | null) {
  store.document.value = { rev: 1, objects, active, history: NO_HISTORY }
}

describe('hints', () => {
  it('go on when the person has done what they say', () => {
    const store = createStore()
    followHints(store)
    expect(store.hint.value).toBe('begin')
    show(store, [object(1, { prompts: [CLICK] })], 1)
    expect(store.hint.value).toBe('correct')
    show(store, [object(1, { prompts: [CLICK, CLICK] })], 1)
    expect(store.hint.value).toBe('finish')
    show(store, [object(1, { state: 'finished' })], null)
    expect(store.hint.value).toBe('further')
    show(store, [object(1, { state: 'finished' }), object(2, { state: 'finished' })], null)
    expect(store.hint.value).toBeNull()
  })

  it('that were put away stay away', () => {
    const store = createStore()
    followHints(store)
    store.hint.value = null
    show(store, [object(1, { prompts: [CLICK] })], 1)
    expect(store.hint.value).toBeNull()
    expect([readHint(null), readHint('finish'), readHint('seen'), readHint('?')]).toEqual(['begin', 'finish', null, null])
  })
})
