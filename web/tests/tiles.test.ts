import { describe, expect, it } from 'vitest'
import { Tiles } from '../src/canvas/tiles'

const SIZE = { width: 20000, height: 20000 }
const CANVAS = { width: 1000, height: 800 }
const WHOLE = { scale: 0.04, left: 0, top: 0 }
const NEAR = { scale: 1, left: -10000, top: -10000 }

function picture(): ImageBitmap & { closed: boolean } {
  return { width: 512, height: 512, closed: false, close() { this.closed = true } } as ImageBitmap & { closed: boolean }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve()
}

function tiles(load: (key: string) => ImageBitmap | null | Promise<ImageBitmap | null>) {
  const asked: string[] = []
  const made = new Tiles(SIZE, { side: 512, levels: 6 }, (level, column, row) => {
    asked.push(`${level}/${column}/${row}`)
    return Promise.resolve(load(`${level}/${column}/${row}`))
  })
  return { made, asked }
}

describe('tiles', () => {
  it('are asked for where they are seen, the smallest level first', async () => {
    const { made, asked } = tiles(picture)
    made.want(NEAR, CANVAS, 1)
    await settled()
    expect(asked.slice(0, 4)).toEqual(['5/0/0', '5/1/0', '5/0/1', '5/1/1'])
    expect(asked.slice(4).every((key) => key.startsWith('0/'))).toBe(true)
    expect(new Set(asked.slice(4))).toEqual(new Set([19, 20, 21].flatMap((c) => [19, 20, 21].map((r) => `0/${c}/${r}`))))
    expect(asked[4]).toBe('0/20/20')
    made.want(NEAR, CANVAS, 1)
    await settled()
    expect(asked.length).toBe(13)
  })
  it('are drawn coarse ones first, each where it lies', async () => {
    const { made } = tiles(picture)
    made.want(NEAR, CANVAS, 1)
    await settled()
    const found = made.visible(NEAR, CANVAS, 1)
    expect(found[0]?.box).toMatchObject({ x0: 0, y0: 0, x1: 16384, y1: 16384 })
    expect(found[1]?.box).toMatchObject({ x0: 9728, x1: 10240 })
    expect(made.visible(WHOLE, CANVAS, 1).map((t) => t.box.x1)).toEqual([16384, 20000, 16384, 20000])
  })
  it('are no more at once than leaves room for clicks', async () => {
    const { made, asked } = tiles(() => new Promise(() => undefined))
    made.want(NEAR, CANVAS, 1)
    await settled()
    expect(asked.length).toBe(4)
  })
  it('that are not prepared are asked for again when there is news', async () => {
    let ready = false
    const { made, asked } = tiles((key) => (ready || key.startsWith('5') ? picture() : null))
    made.want(NEAR, CANVAS, 1)
    await settled()
    made.want(NEAR, CANVAS, 1)
    await settled()
    expect([asked.length, made.visible(NEAR, CANVAS, 1).length]).toEqual([13, 1])
    ready = true
    made.retry()
    await settled()
    expect([asked.length, made.visible(NEAR, CANVAS, 1).length]).toEqual([22, 10])
  })
  it('are forgotten when there are too many, but never those that stand in for all', async () => {
    const closed: (ImageBitmap & { closed: boolean })[] = []
    const { made, asked } = tiles(() => {
      const one = picture()
      closed.push(one)
      return one
    })
    for (let x = 0; x < 18000; x += 500) {
      made.want({ scale: 1, left: -x, top: -x }, CANVAS, 1)
      await settled()
    }
    expect(closed.filter((one) => !one.closed).length).toBeLessThanOrEqual(220)
    expect(made.visible(WHOLE, CANVAS, 1).length).toBe(4)
    expect(asked.filter((key) => key.startsWith('5')).length).toBe(4)
    made.close()
    expect(closed.every((one) => one.closed)).toBe(true)
  })
  it('say what went wrong, once', async () => {
    const problems: unknown[] = []
    const { made, asked } = tiles(() => Promise.reject(new Error('damaged')))
    made.onProblem = (error) => problems.push(error)
    made.want(WHOLE, CANVAS, 1)
    await settled()
    made.want(WHOLE, CANVAS, 1)
    await settled()
    expect([problems.length, asked.length]).toEqual([13, 13])
  })
})
