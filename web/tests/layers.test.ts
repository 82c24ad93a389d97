import { describe, expect, it } from 'vitest'
import { Layers, type Stroke } from '../src/state/layers'
import { encodeRuns, type Box } from '../src/state/runs'
import { object } from './fake'

const SIZE = { width: 8, height: 6 }

function block(box: Box) {
  const pixels = new Uint8Array(48)
  for (let y = box.y0; y < box.y1; y++) pixels.fill(1, y * 8 + box.x0, y * 8 + box.x1)
  return encodeRuns(pixels, 8, box)
}
const LEFT = block({ x0: 0, y0: 0, x1: 4, y1: 4 })
const RIGHT = block({ x0: 2, y0: 2, x1: 8, y1: 6 })

function layers() {
  const made = new Layers(SIZE)
  made.setObjects([object(7, { state: 'finished' }), object(9, { state: 'finished' })], null)
  made.setMask(7, 1, LEFT)
  made.setMask(9, 1, RIGHT)
  made.taken()
  return made
}
const at = (l: Layers, x: number, y: number): number => l.ids[y * 8 + x] as number

describe('layers', () => {
  it('show the topmost object', () => {
    const l = layers()
    expect([at(l, 0, 0), at(l, 3, 3), at(l, 7, 5), at(l, 7, 0)]).toEqual([l.slotOf(7), l.slotOf(9), l.slotOf(9), 0])
    expect([l.objectAt(3.5, 3.5), l.objectAt(0.5, 0.5), l.objectAt(7.5, 0.5)]).toEqual([9, 7, null])
  })

  it('show what was underneath when the upper object goes, and touch only its box', () => {
    const l = layers()
    l.setObjects([object(7, { state: 'finished' })], null)
    expect([at(l, 3, 3), at(l, 7, 5)]).toEqual([l.slotOf(7), 0])
    expect(l.dirtyIds).toEqual(RIGHT.box)
  })

  it('show what was underneath a hidden object', () => {
    const l = layers()
    l.setObjects([object(7, { state: 'finished' }), object(9, { state: 'finished', hidden: true })], null)
    expect([at(l, 3, 3), l.objectAt(3.5, 3.5)]).toEqual([l.slotOf(7), 7])
  })

  it('draw the active object apart from the others', () => {
    const l = layers()
    l.setObjects([object(7, { state: 'finished' }), object(9)], 9)
    expect([at(l, 3, 3), l.active[3 * 8 + 3], l.active[0]]).toEqual([l.slotOf(7), 255, 0])
    l.setMask(9, 2, block({ x0: 5, y0: 5, x1: 6, y1: 6 }))
    expect([l.active[3 * 8 + 3], l.active[5 * 8 + 5]]).toEqual([0, 255])
  })

  it('drop a mask that is older than the drawn one', () => {
    const l = layers()
    expect(l.setMask(9, 0, LEFT)).toBe(false)
    expect(at(l, 7, 5)).toBe(l.slotOf(9))
  })

  it('forget the mask of a deleted object, so that undo can bring it back with any revision', () => {
    const l = layers()
    l.setObjects([object(7, { state: 'finished' })], null)
    l.setObjects([object(7, { state: 'finished' }), object(9, { state: 'finished' })], null)
    expect(l.setMask(9, 1, RIGHT)).toBe(true)
    expect(at(l, 7, 5)).toBe(l.slotOf(9))
  })

  it('start with everything to be drawn', () => {
    expect(new Layers(SIZE).dirtyIds).toEqual({ x0: 0, y0: 0, x1: 8, y1: 6 })
  })
})

describe('strokes', () => {
  const stroke = (x: number, y: number, positive = true): Stroke => ({ seq: null, points: [{ x, y }], radius: 0.6, positive })
  const shown = (l: Layers, x: number, y: number): number => l.active[y * 8 + x] as number

  function drawn(one: Stroke) {
    const l = layers()
    l.setObjects([object(7), object(9, { state: 'finished' })], 7)
    l.taken()
    l.beginStroke(one)
    l.extendStroke(one, 0)
    return l
  }

  it('are there at once, upload only their box, and stop at other objects', () => {
    const l = drawn(stroke(5.5, 0.5))
    expect([shown(l, 5, 0), shown(l, 0, 0)]).toEqual([255, 255])
    expect(l.dirtyActive).toEqual({ x0: 4, y0: 0, x1: 8, y1: 3 })
    const stopped = drawn(stroke(6.5, 4.5))
    expect(shown(stopped, 6, 4)).toBe(0)
    stopped.strokesYield = false
    stopped.extendStroke(stroke(6.5, 4.5), 0)
    expect(shown(stopped, 6, 4)).toBe(255)
  })

  it('stay over older masks and give way to the one that holds them', () => {
    const one = stroke(5.5, 0.5)
    const l = drawn(one)
    one.seq = 4
    l.setMask(7, 2, LEFT, 3)
    expect(shown(l, 5, 0)).toBe(255)
    l.setMask(7, 3, LEFT, 4)
    expect(shown(l, 5, 0)).toBe(0)
  })

  it('erase, and come back when they are refused', () => {
    const one = stroke(0.5, 0.5, false)
    const l = drawn(one)
    expect(shown(l, 0, 0)).toBe(0)
    l.forgetStrokes((s) => s === one)
    expect(shown(l, 0, 0)).toBe(255)
  })
})

it('ghosts belong to the mask before them', () => {
  const l = layers()
  l.setGhosts(7, RIGHT)
  expect(l.ghostsOf(7)).toBe(RIGHT)
  l.setMask(7, 2, LEFT)
  expect(l.ghostsOf(7).runs.length).toBe(0)
})
