import { describe, expect, it } from 'vitest'
import { MAX_SCALE, centred, fitView, keepVisible, panBy, resized, reveal, toImage, toScreen, zoomAt } from '../src/state/view'

const VIEW = { scale: 2.5, left: 40, top: -30 }

describe('view', () => {
  it('maps there and back', () => {
    const back = toImage(VIEW, toScreen(VIEW, { x: 12.25, y: 7.5 }))
    expect(back.x).toBeCloseTo(12.25, 10)
    expect(back.y).toBeCloseTo(7.5, 10)
  })

  it('puts the corner of pixel (0, 0) at the image corner', () => {
    expect(toScreen(VIEW, { x: 0, y: 0 })).toEqual({ x: 40, y: -30 })
    expect(Math.floor(toImage(VIEW, { x: 40, y: -30 }).x)).toBe(0)
    expect(Math.floor(toImage(VIEW, { x: 39.9, y: -30 }).x)).toBe(-1)
  })

  it.each([0.5, 1.3, 4, 1e9, 1e-9])('zooms by %d without moving the point under the pointer', (factor) => {
    const anchor = { x: 123, y: 45 }
    const before = toImage(VIEW, anchor)
    const after = toImage(zoomAt(VIEW, anchor, factor), anchor)
    expect(after.x).toBeCloseTo(before.x, 6)
    expect(after.y).toBeCloseTo(before.y, 6)
  })

  it('stays within its limits', () => {
    expect(zoomAt(VIEW, { x: 0, y: 0 }, 1e9).scale).toBe(MAX_SCALE)
  })

  it('fits the whole image and centres it', () => {
    const canvas = { width: 800, height: 600 }
    const view = fitView({ width: 4000, height: 1000 }, canvas)
    expect(view.left).toBeCloseTo(24)
    expect(toScreen(view, { x: 2000, y: 500 })).toEqual({ x: 400, y: 20 + (600 - 20 - 68) / 2 })
  })

  it('does not blow small images up without end', () => {
    expect(fitView({ width: 4, height: 4 }, { width: 800, height: 600 }).scale).toBe(8)
  })

  it('never loses the image', () => {
    const [image, canvas] = [{ width: 100, height: 100 }, { width: 400, height: 300 }]
    const lost = keepVisible(panBy(centred(image, canvas, 1), 5000, -5000), image, canvas)
    expect(lost.left).toBe(400 - 48)
    expect(lost.top).toBe(48 - 100)
  })

  it('lets every place of an image be looked at, however large it is shown', () => {
    const [image, canvas] = [{ width: 20000, height: 10000 }, { width: 1000, height: 800 }]
    for (const at of [{ x: 10, y: 10 }, { x: 19990, y: 9990 }, { x: 12000, y: 300 }]) {
      const view = { scale: 3, left: 500 - 3 * at.x, top: 400 - 3 * at.y }
      expect(keepVisible(view, image, canvas)).toEqual(view)
    }
  })

  it('brings a point into sight with the smallest move', () => {
    const canvas = { width: 400, height: 300 }
    const view = reveal({ scale: 1, left: 0, top: 0 }, { x: 500, y: 100 }, canvas)
    expect(toScreen(view, { x: 500, y: 100 })).toEqual({ x: 368, y: 100 })
  })
})

it('a picture that is shown whole stays whole when the canvas changes, another view keeps its middle', () => {
  const [image, before, after] = [{ width: 400, height: 300 }, { width: 800, height: 600 }, { width: 800, height: 500 }]
  expect(resized(fitView(image, before), image, before, after)).toEqual(fitView(image, after))
  const zoomed = { scale: 3, left: -50, top: -20 }
  expect(resized(zoomed, image, before, after)).toEqual({ scale: 3, left: -50, top: -70 })
  expect(resized(zoomed, null, before, after)).toEqual({ scale: 3, left: -50, top: -70 })
})
