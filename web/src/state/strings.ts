/** The texts of the page, from the catalogue of the language in use. A further language is a further file in locales/. */

import { signal } from '@preact/signals-core'
import en from './locales/en.json'
import zhHans from './locales/zh-Hans.json'
import type { Words } from './wire'

export type StringKey = keyof typeof en

const CATALOGUES = { 'en': en, 'zh-Hans': zhHans } as const satisfies Readonly<Record<string, Readonly<Record<StringKey, string>>>>

export type Language = keyof typeof CATALOGUES

/** Languages under the names that their speakers give them. */
export const LANGUAGES: Readonly<Record<Language, string>> = { 'en': 'English', 'zh-Hans': '简体中文' }

/** The language in use; what reads a text while it draws is drawn again when this changes. */
export const language = signal<Language>('en')

/** The first language a person reads (as browsers list them, best first) that there is a catalogue for, else English. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const main = tag.toLowerCase().split('-')[0]
    if (main === 'en') return 'en'
    if (main === 'zh') return 'zh-Hans'
  }
  return 'en'
}

export function isLanguage(name: string | null): name is Language {
  return name !== null && name in CATALOGUES
}

/** The text of a key, with its places filled in. */
export function t(key: StringKey | (string & {}), values: Readonly<Record<string, string | number>> = {}): string {
  const text: string = (CATALOGUES[language.value] as Readonly<Record<string, string>>)[key] ?? key
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

/** A sentence of the server in the language in use; in its own English where the catalogue does not know it. */
export function said(text: string, words?: Words | null): string {
  const key = `server.${words?.key}`
  if (!words || !isKey(key)) return text
  return t(key, Object.fromEntries(Object.entries(words.values).map(([name, value]) => [name, typeof value === 'object' ? said('?', value) : value])))
}

/** Whole numbers with thin groups of three. */
export function number(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

/** Seconds as people say them: 8.4 s, 3:05, 1:02:03. */
export function duration(seconds: number): string {
  if (seconds < 60) return t('statistics.seconds', { seconds: seconds.toFixed(1) })
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

export function isKey(key: string): key is StringKey {
  return key in en
}
