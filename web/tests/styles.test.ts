import { expect, it } from 'vitest'
import { Layers } from '../src/state/layers'
import { defaultColour, OKABE_ITO, parseHex, toHex } from '../src/state/palette'
import { colourOf, STYLE_SELECTED, STYLE_SHOWN, styleTable } from '../src/state/styles'
import { LEAF, object, SPOT } from './fake'

it('gives many default colours, all different', () => {
  expect(defaultColour(0)).toBe(OKABE_ITO[0])
  expect(new Set(Array.from({ length: 60 }, (_, i) => defaultColour(i))).size).toBe(60)
})

it('reads and writes colours', () => {
  expect(toHex(parseHex('#D55E00'))).toBe('#d55e00')
  expect(() => parseHex('red')).toThrow('#rrggbb')
})

it("prefers an object's own colour", () => {
  expect(colourOf(object(1, { class: 2 }), [LEAF, SPOT])).toBe('#d55e00')
  expect(colourOf(object(1, { colour: '#123456' }), [LEAF, SPOT])).toBe('#123456')
})

it('marks the selected object in the style table', () => {
  const layers = new Layers({ width: 2, height: 2 })
  const table = styleTable([object(40), object(41, { class: 2 })], [LEAF, SPOT], 41, layers)
  expect([...table.slice(layers.slotOf(40) * 4, layers.slotOf(40) * 4 + 4)]).toEqual([0, 158, 115, STYLE_SHOWN])
  expect([...table.slice(layers.slotOf(41) * 4, layers.slotOf(41) * 4 + 4)]).toEqual([213, 94, 0, STYLE_SELECTED])
})
