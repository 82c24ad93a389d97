/** The colour of every object, for the panels and as a table for the renderer. */

import type { Layers } from './layers'
import { parseHex, type Rgb } from './palette'
import type { ClassInfo, ObjectInfo } from './wire'

export const STYLE_SHOWN = 128
export const STYLE_SELECTED = 255
const FALLBACK = '#56b4e9'
/** Of ignore regions, whatever their class. */
const IGNORED = '#9a9a9a'

/** An object's own colour, else that of its class. */
export function colourOf(object: ObjectInfo | null, classes: readonly ClassInfo[]): string {
  if (object?.colour) return object.colour
  if (object?.ignored) return IGNORED
  return classes.find((c) => c.id === object?.class)?.colour ?? FALLBACK
}

/** RGBA per slot; alpha tells whether the object is shown and selected. Slot 0 stays empty. */
export function styleTable(
  objects: readonly ObjectInfo[], classes: readonly ClassInfo[], selected: number | null, layers: Layers,
): Uint8Array {
  const slots = objects.map((o) => layers.slotOf(o.id))
  const table = new Uint8Array((Math.max(0, ...slots) + 1) * 4)
  objects.forEach((object, i) => {
    const [r, g, b]: Rgb = parseHex(colourOf(object, classes))
    table.set([r, g, b, object.id === selected ? STYLE_SELECTED : STYLE_SHOWN], (slots[i] as number) * 4)
  })
  return table
}
