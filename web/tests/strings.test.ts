import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { number, t } from '../src/state/strings'

const SOURCES = new URL('../src/', import.meta.url)

function keysOfCatalogue(): string[] {
  const catalogue = readFileSync(new URL('state/strings.ts', SOURCES), 'utf8')
  return [...catalogue.matchAll(/^ {2}'([^']+)':/gm)].map((m) => m[1] as string)
}

const USES = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('strings.ts'))
  .map((name) => readFileSync(new URL(name, SOURCES), 'utf8'))
  .join('\n')
/** Keys put together from parts, as the beginnings of the parts. */
const BUILT = [...USES.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/gi)].map((m) => m[1] as string)

it.each(keysOfCatalogue())('%s is used', (key) => {
  const whole = USES.includes(`'${key}'`) || /^(export|import)\.choice\./.test(key)
  expect(whole || BUILT.some((start) => key.startsWith(start))).toBe(true)
})

it('every literal key that is used exists', () => {
  const known = new Set(keysOfCatalogue())
  const used = [...USES.matchAll(/\bt\('([^']+)'/g)].map((m) => m[1] as string)
  expect(used.filter((key) => !known.has(key))).toEqual([])
})

it('fills in places and groups numbers', () => {
  expect(t('top.position', { at: 2, count: 7 })).toBe('2 of 7')
  expect(number(1234567)).toBe('1\u202f234\u202f567')
  expect(number(999)).toBe('999')
})
