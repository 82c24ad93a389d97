import { defineConfig } from 'vitest/config'

const SERVER = process.env['CLICKMASK_SERVER'] ?? 'http://127.0.0.1:8765'

export default defineConfig(({ command }) => ({
  // The server answers / with index.html and /static/* with the rest.
  base: command === 'build' ? '/static/' : '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
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
