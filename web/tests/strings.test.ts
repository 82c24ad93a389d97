import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { COMMAND_IDS, GROUPS } from '../src/state/commands'
import { bestLanguage, language, LANGUAGES, number, t } from '../src/state/strings'

const SOURCES = new URL('../src/', import.meta.url)
const LOCALES = new URL('state/locales/', SOURCES)

type Catalogue = Readonly<Record<string, string>>
const read = (name: string): Catalogue => JSON.parse(readFileSync(new URL(name, LOCALES), 'utf8')) as Catalogue
const EN = read('en.json')
const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort()

const USES = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(new URL(name, SOURCES), 'utf8'))
  .join('\n')
/** Keys put together from parts, as the beginnings of the parts. */
const BUILT = [...USES.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/gi)].map((m) => m[1] as string)

afterEach(() => {
  language.value = 'en'
})

it.each(Object.keys(EN))('%s is used', (key) => {
  const whole = USES.includes(`'${key}'`) || /^(export|import)\.choice\./.test(key)
  expect(whole || BUILT.some((start) => key.startsWith(start))).toBe(true)
})

it('every literal key that is used exists', () => {
  const used = [...USES.matchAll(/\bt\('([^']+)'/g)].map((m) => m[1] as string)
  expect(used.filter((key) => !(key in EN))).toEqual([])
})

it('every command and group has a name', () => {
  for (const id of COMMAND_IDS) expect(EN).toHaveProperty([`command.${id}`])
  for (const group of GROUPS) expect(EN).toHaveProperty([`group.${group}`])
  expect(Object.keys(EN).filter((key) => key.startsWith('command.')).length).toBe(COMMAND_IDS.length)
})

describe.each(readdirSync(LOCALES))('the catalogue %s', (name) => {
  const catalogue = read(name)

  it('has the keys of the English one, in its order', () => {
    expect(Object.keys(catalogue)).toEqual(Object.keys(EN))
  })

  it.each(Object.keys(EN))('%s is not empty and has the same places to fill in', (key) => {
    expect((catalogue[key] as string).trim()).not.toBe('')
    expect(places(catalogue[key] as string)).toEqual(places(EN[key] as string))
  })

  it('can be chosen', () => {
    expect(Object.keys(LANGUAGES)).toContain(name.replace('.json', ''))
  })
})

it('speaks the language that is chosen', () => {
  language.value = 'zh-Hans'
  expect(t('bar.prompts.many', { count: 3 })).toBe('3 个提示')
})

it.each([
  [['zh-CN', 'en'], 'zh-Hans'], [['zh-TW'], 'zh-Hans'], [['de', 'zh', 'en'], 'zh-Hans'], [['en-GB', 'zh'], 'en'], [['fr'], 'en'], [[], 'en'],
])('for people who read %j it is %s', (wanted, best) => {
  expect(bestLanguage(wanted)).toBe(best)
})

it('fills in places and groups numbers', () => {
  expect(t('top.position', { at: 2, count: 7 })).toBe('2 of 7')
  expect(number(1234567)).toBe('1\u202f234\u202f567')
  expect(number(999)).toBe('999')
})
