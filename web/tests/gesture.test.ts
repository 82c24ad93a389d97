import { describe, expect, it } from 'vitest'
import { DRAG_DISTANCE, moved, pressed, released, type Press } from '../src/state/gesture'

const press = (more: Partial<Press> = {}): Press => ({ button: 0, at: { x: 10, y: 10 }, negative: false, panning: false, tool: 'click', ...more })
const far = { x: 10 + DRAG_DISTANCE + 1, y: 10 }

describe('gestures', () => {
  it.each([
    ['left', press(), true],
    ['right', press({ button: 2 }), false],
    ['Shift + left', press({ negative: true }), false],
  ])('%s press and release is a click', (_name, given, positive) => {
    expect(released(pressed(given))).toEqual({ kind: 'click', at: { x: 10, y: 10 }, positive })
  })

  it('a tremble is still a click where it was pressed', () => {
    const [gesture] = moved(pressed(press()), { x: 13, y: 13 })
    expect(released(gesture)).toEqual({ kind: 'click', at: { x: 10, y: 10 }, positive: true })
  })

  it('a left drag is a box', () => {
    const [gesture, outcome] = moved(pressed(press()), far)
    expect(outcome.kind).toBe('none')
    expect(released(gesture)).toEqual({ kind: 'box', from: { x: 10, y: 10 }, to: far })
  })

  it.each([
    ['right', press({ button: 2 })],
    ['left with the select tool', press({ tool: 'select' })],
  ])('a %s drag moves the image and clicks nothing', (_name, given) => {
    const [gesture, outcome] = moved(pressed(given), far)
    expect(outcome).toEqual({ kind: 'pan', dx: DRAG_DISTANCE + 1, dy: 0 })
    expect(released(gesture)).toEqual({ kind: 'none' })
  })

  it.each([['middle', press({ button: 1 })], ['Space + left', press({ panning: true })]])('%s drag moves at once', (_name, given) => {
    expect(moved(pressed(given), { x: 12, y: 9 })[1]).toEqual({ kind: 'pan', dx: 2, dy: -1 })
  })

  it('the select tool selects', () => {
    expect(released(pressed(press({ tool: 'select' })))).toEqual({ kind: 'select', at: { x: 10, y: 10 } })
  })

  it('a box drawn with the box tool needs some size', () => {
    expect(released(pressed(press({ tool: 'box' })))).toEqual({ kind: 'none' })
  })
})
