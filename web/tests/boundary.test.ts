import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const STATE = new URL('../src/state/', import.meta.url)
const DOM = /\b(document\.(create|query|get|body|documentElement|activeElement)|window\b|navigator\b|HTML\w*Element|localStorage|sessionStorage|requestAnimationFrame|addEventListener)/

const FILES = readdirSync(STATE).filter((name) => name.endsWith('.ts'))

it.each(FILES)('state/%s touches neither the page nor the layers above', (name) => {
  const source = readFileSync(new URL(name, STATE), 'utf8')
  const imports = [...source.matchAll(/from '([^']+)'/g)].map((m) => m[1] as string)
  for (const from of imports) expect(from).toMatch(/^(\.\/|@preact\/signals-core$)/)
  expect(source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')).not.toMatch(DOM)
})

it('nothing in the client names an address outside', () => {
  const root = new URL('../src/', import.meta.url)
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(ts|tsx|css)$/.test(name)) continue
    expect(readFileSync(new URL(name, root), 'utf8'), name).not.toMatch(/https?:\/\/(?!www\.w3\.org)/)
  }
})

it('every package that is compiled in is named among the notices', () => {
  const root = new URL('../src/', import.meta.url)
  const config = readFileSync(new URL('../vite.config.ts', import.meta.url), 'utf8')
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(name)) continue
    for (const [, from] of readFileSync(new URL(name, root), 'utf8').matchAll(/from '([^.'][^']*)'/g)) {
      const owner = (from as string).split('/').slice(0, (from as string).startsWith('@') ? 2 : 1).join('/')
      expect(config, `${name} uses ${owner}`).toContain(`'${owner}'`)
    }
  }
})
