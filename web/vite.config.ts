import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const SERVER = process.env['CLICKMASK_SERVER'] ?? 'http://127.0.0.1:8765'

/** What the compiled client contains of others, each with the licence text that has to go with it. */
const BUNDLED = ['preact', '@preact/signals', '@preact/signals-core']

const notices = {
  name: 'third-party-notices',
  generateBundle(this: { emitFile(file: { type: 'asset'; fileName: string; source: string }): void }): void {
    const texts = BUNDLED.map((name) => {
      const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string }
      return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`
    })
    this.emitFile({ type: 'asset', fileName: 'third-party.txt', source: texts.join('\n' + '-'.repeat(80) + '\n\n') })
  },
}

export default defineConfig(({ command }) => ({
  // The server answers / with index.html and /static/* with the rest.
  base: command === 'build' ? '/static/' : '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [notices],
  build: {
    outDir: '../src/clickmask/server/static',
    emptyOutDir: true,
    sourcemap: false,
    target: 'es2022',
    // Everything is a file of its own, so the page needs neither inline scripts nor data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: SERVER, ws: true, changeOrigin: true } } },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
}))
