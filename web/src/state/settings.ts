/** What a person has chosen and finds again at the next visit, on this computer and in this browser. */

import { effect, type Signal } from '@preact/signals-core'
import { BRUSH } from './brush'
import { readHint } from './hints'
import { readKeys } from './keymap'
import type { Ports } from './ports'
import type { Hover, LanguageChoice, Marks, Motion, Store, Theme, Wheel } from './store'
import { bestLanguage, isLanguage, language } from './strings'

const SCALES = [0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2] as const
export const UI_SCALES: readonly number[] = SCALES

/** Reads every setting and keeps it from now on. */
export function rememberSettings(store: Store, ports: Ports): void {
  const keep = <T>(name: string, value: Signal<T>, read: (text: string | null) => T, write: (value: T) => string = String): void => {
    value.value = read(ports.lasting.get(name))
    effect(() => ports.lasting.set(name, write(value.value)))
  }
  keep<Theme>('theme', store.theme, oneOf(['system', 'light', 'dark']))
  keep<LanguageChoice>('language', store.language, (text) => (isLanguage(text) ? text : 'system'))
  keep<Wheel>('wheel', store.wheel, oneOf(['zoom', 'scroll']))
  keep('person', store.person, (text) => text ?? '')
  keep<Hover>('hover', store.hover, oneOf(['auto', 'off']))
  keep<Marks>('marks', store.marks, oneOf(['green-red', 'blue-orange']))
  keep<Motion>('motion', store.motion, oneOf(['system', 'less']))
  keep('history', store.historyShown, (text) => text !== 'closed', (shown) => (shown ? 'open' : 'closed'))
  keep('brush', store.brushRadius, numberBetween(BRUSH.least, BRUSH.most, store.brushRadius.value))
  keep('opacity', store.opacity, numberBetween(0, 1, store.opacity.value))
  keep('scale', store.uiScale, (text) => UI_SCALES.find((s) => s === Number(text)) ?? 1)
  keep('single-keys', store.singleKeys, (text) => text !== 'off', (on) => (on ? 'on' : 'off'))
  keep('keys', store.keys, readKeys, JSON.stringify)
  keep('hint', store.hint, readHint, (hint) => hint ?? 'seen')
  effect(() => {
    language.value = store.language.value === 'system' ? bestLanguage(ports.languages) : store.language.value
  })
}

/** What of the look of clouds is found again at the next visit. */
export interface CloudChoices {
  readonly lighting: Signal<boolean>
  readonly dimming: Signal<boolean>
  readonly pointSize: Signal<number>
}

export function rememberCloud(cloud: CloudChoices, ports: Ports): void {
  for (const name of ['lighting', 'dimming'] as const) {
    cloud[name].value = ports.lasting.get(`cloud-${name}`) !== 'off'
    effect(() => ports.lasting.set(`cloud-${name}`, cloud[name].value ? 'on' : 'off'))
  }
  cloud.pointSize.value = numberBetween(0.25, 4, 1)(ports.lasting.get('cloud-points'))
  effect(() => ports.lasting.set('cloud-points', String(cloud.pointSize.value)))
}

/** One of some words, the first of them if nothing or something else is kept. */
function oneOf<T extends string>(words: readonly [T, ...T[]]): (text: string | null) => T {
  return (text) => words.find((word) => word === text) ?? words[0]
}

function numberBetween(least: number, most: number, usual: number): (text: string | null) => number {
  return (text) => {
    const value = Number(text)
    return text && value >= least && value <= most ? value : usual
  }
}
