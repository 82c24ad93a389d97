import { afterEach, expect, it } from 'vitest'
import { rememberSettings } from '../src/state/settings'
import { createStore } from '../src/state/store'
import { language } from '../src/state/strings'
import { fakePorts } from './fake'

afterEach(() => {
  language.value = 'en'
})

it('what is chosen is there at the next visit', () => {
  const { ports } = fakePorts()
  const first = createStore()
  rememberSettings(first, ports)
  first.theme.value = 'dark'
  first.opacity.value = 0.8
  first.uiScale.value = 1.25
  first.singleKeys.value = false
  first.wheel.value = 'scroll'
  first.hint.value = null
  first.keys.value = { preset: 'cvat', changes: { fit: ['F7'] } }

  const second = createStore()
  rememberSettings(second, ports)
  expect([second.theme.value, second.opacity.value, second.uiScale.value]).toEqual(['dark', 0.8, 1.25])
  expect([second.singleKeys.value, second.wheel.value, second.hint.value]).toEqual([false, 'scroll', null])
  expect(second.keyMap.value.fit).toEqual(['F7'])
  expect(second.keyMap.value.finish).toContain('N')
})

it('without a choice it is as usual, and nonsense counts as none', () => {
  const { ports, kept } = fakePorts()
  for (const name of ['theme', 'opacity', 'scale', 'wheel', 'language']) kept.set(name, 'nonsense')
  const store = createStore()
  rememberSettings(store, ports)
  expect([store.theme.value, store.opacity.value, store.uiScale.value, store.wheel.value, store.language.value])
    .toEqual(['system', 0.45, 1, 'zoom', 'system'])
})

it('follows the languages of the browser until one is chosen', () => {
  const { ports } = fakePorts()
  const store = createStore()
  rememberSettings(store, ports)
  expect(language.value).toBe('zh-Hans')
  store.language.value = 'en'
  expect(language.value).toBe('en')
  store.language.value = 'system'
  expect(language.value).toBe('zh-Hans')
})
