/**
 * The pixels that are drawn over the image, derived from run lengths: one map of object slots for everything that is
 * not being worked on, and one mask for the active object. Cost of drawing does not grow with the number of objects.
 */

import { boxesOverlap, EMPTY_MASK, forEachSpan, isEmptyBox, maskContains, unionBox, type Box, type RunMask } from './runs'
import { capsule } from './raster'
import type { Point, Size } from './view'
import type { ObjectInfo } from './wire'

export const MAX_SLOTS = 65535
const NOTHING: Box = EMPTY_MASK.box

/** A brush stroke as the browser paints it before the server has. */
export interface Stroke {
  /** Number of its command, null while it is being drawn. */
  seq: number | null
  readonly points: readonly Point[]
  readonly radius: number
  readonly positive: boolean
}

interface Drawn {
  readonly rev: number
  readonly mask: RunMask
}

export class Layers {
  private readonly painting: Uint16Array
  readonly active: Uint8Array
  /** What has changed since the renderer last took it. */
  private changedIds: Box = NOTHING
  /** Where objects have changed and nobody has looked yet: many changes are painted in one go. */
  private stale: Box = NOTHING
  private holding: Box | null = null
  private known = new Set<number>()
  dirtyActive: Box = NOTHING
  private readonly masks = new Map<number, Drawn>()
  private readonly ghosts = new Map<number, RunMask>()
  private readonly slots = new Map<number, number>()
  private order: readonly ObjectInfo[] = []
  private activeId: number | null = null
  private painted: RunMask = EMPTY_MASK
  private strokes: Stroke[] = []
  private strokeBox = NOTHING
  /** Strokes stop at the pixels of other objects. */
  strokesYield = true

  constructor(readonly size: Size) {
    this.painting = new Uint16Array(size.width * size.height)
    this.active = new Uint8Array(size.width * size.height)
    // A renderer may still hold what was drawn before a reconnection.
    this.forgotten()
  }

  /** Takes a newer mask of an object, which holds all strokes up to `seq`; false if it is older than the one that is drawn. */
  setMask(object: number, rev: number, mask: RunMask, seq = 0): boolean {
    const old = this.masks.get(object)
    if (old && rev < old.rev) return false
    this.forgetStrokes((stroke) => stroke.seq !== null && stroke.seq <= seq)
    this.masks.set(object, { rev, mask })
    this.ghosts.delete(object)
    if (object === this.activeId) this.paintActive(mask)
    else if (this.known.has(object)) this.repaint(unionBox(old?.mask.box ?? NOTHING, mask.box))
    return true
  }

  /** Takes what the model would change of an object as well; it belongs to the mask that came before it. */
  setGhosts(object: number, mask: RunMask): void {
    this.ghosts.set(object, mask)
  }

  ghostsOf(object: number): RunMask {
    return this.ghosts.get(object) ?? EMPTY_MASK
  }

  /** Takes the objects as they are now and repaints where that changes a pixel. */
  setObjects(objects: readonly ObjectInfo[], active: number | null): void {
    const before = new Map(this.shown().map((o, i) => [o.id, i]))
    this.known = new Set(objects.map((o) => o.id))
    const gone = this.order.filter((o) => !this.known.has(o.id))
    this.order = objects
    this.holding = null
    this.activeId = active
    const after = new Map(this.shown().map((o, i) => [o.id, i]))
    let dirty = NOTHING
    for (const id of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(id) !== after.get(id)) dirty = unionBox(dirty, this.maskOf(id).box)
    }
    // A deleted object's mask is forgotten: if undo brings it back, the server sends it again.
    for (const { id } of gone) this.masks.delete(id)
    for (const object of objects) if (object.ghosts === 0) this.ghosts.delete(object.id)
    this.repaint(dirty)
    this.paintActive(active === null ? EMPTY_MASK : this.maskOf(active))
  }

  /** The renderer has nothing any more. */
  forgotten(): void {
    this.changedIds = this.dirtyActive = { x0: 0, y0: 0, x1: this.size.width, y1: this.size.height }
  }

  /** The renderer has everything up to now. */
  taken(): void {
    this.paintStale()
    this.changedIds = this.dirtyActive = NOTHING
  }

  /** What holds every pixel of the active mask; empty without one. */
  get activeBox(): Box {
    return unionBox(this.painted.box, this.strokeBox)
  }

  /** Begins a stroke; it is drawn by `extendStroke`. */
  beginStroke(stroke: Stroke): void {
    this.strokes.push(stroke)
  }

  /** Paints a stroke from its point number `from` on; gives the box that has changed. */
  extendStroke(stroke: Stroke, from: number): void {
    for (let i = Math.max(from, 0); i < stroke.points.length; i++) {
      const end = stroke.points[i] as Point
      this.paintPiece(stroke, stroke.points[i - 1] ?? end, end)
    }
  }

  /** The stroke is not going to be stored, or its mask is here. */
  forgetStrokes(which: (stroke: Stroke) => boolean): void {
    const left = this.strokes.filter((stroke) => !which(stroke))
    if (left.length === this.strokes.length) return
    this.strokes = left
    this.paintActive(this.painted, true)
  }

  private paintPiece(stroke: Stroke, a: Point, b: Point): void {
    const { width } = this.size
    const value = stroke.positive ? 255 : 0
    const box = capsule(a, b, stroke.radius, this.size, (row, from, to) => {
      for (let at = row * width + from; at < row * width + to; at++) {
        if (!stroke.positive || !this.strokesYield || this.ids[at] === 0) this.active[at] = value
      }
    })
    this.strokeBox = unionBox(this.strokeBox, box)
    this.dirtyActive = unionBox(this.dirtyActive, box)
  }

  /** What holds every pixel of the other visible objects. */
  get objectsBox(): Box {
    this.holding ??= this.shown().reduce((box, object) => unionBox(box, this.maskOf(object.id).box), NOTHING)
    return this.holding
  }

  /** Number under which the object appears in `ids` and in the style table; 0 means no object. */
  slotOf(object: number): number {
    const known = this.slots.get(object)
    if (known !== undefined) return known
    const slot = (this.slots.size % MAX_SLOTS) + 1
    this.slots.set(object, slot)
    return slot
  }

  maskOf(object: number): RunMask {
    return this.masks.get(object)?.mask ?? EMPTY_MASK
  }

  /** The topmost visible object at an image point, the active one first; never `except`. */
  objectAt(x: number, y: number, except: number | null = null): number | null {
    if (this.activeId !== null && this.activeId !== except && maskContains(this.maskOf(this.activeId), x, y)) return this.activeId
    for (const object of [...this.shown()].reverse()) {
      if (object.id !== except && maskContains(this.maskOf(object.id), x, y)) return object.id
    }
    return null
  }

  private shown(): readonly ObjectInfo[] {
    return this.order.filter((o) => !o.hidden && o.id !== this.activeId)
  }

  /** Slot of the object on every pixel, row by row; 0 for none. */
  get ids(): Uint16Array {
    this.paintStale()
    return this.painting
  }

  /** What has changed of `ids` since the renderer last took it. */
  get dirtyIds(): Box {
    this.paintStale()
    return this.changedIds
  }

  private repaint(box: Box): void {
    this.holding = null
    this.stale = unionBox(this.stale, box)
  }

  private paintStale(): void {
    const box = this.stale
    if (isEmptyBox(box)) return
    this.stale = NOTHING
    const { width } = this.size
    for (let y = box.y0; y < box.y1; y++) this.painting.fill(0, y * width + box.x0, y * width + box.x1)
    for (const object of this.shown()) {
      const mask = this.maskOf(object.id)
      if (boxesOverlap(mask.box, box)) this.paintInside(mask, this.slotOf(object.id), box)
    }
    this.changedIds = unionBox(this.changedIds, box)
  }

  private paintInside(mask: RunMask, slot: number, box: Box): void {
    const { width } = this.size
    forEachSpan(mask, width, (from, to) => {
      const row = Math.floor(from / width)
      if (row < box.y0 || row >= box.y1) return
      const start = Math.max(from, row * width + box.x0)
      const end = Math.min(to, row * width + box.x1)
      if (start < end) this.painting.fill(slot, start, end)
    })
  }

  private paintActive(mask: RunMask, again = false): void {
    if (mask === this.painted && !again) return
    const { width } = this.size
    const before = this.activeBox
    const { x0, y0, x1, y1 } = before
    for (let y = y0; y < y1; y++) this.active.fill(0, y * width + x0, y * width + x1)
    forEachSpan(mask, width, (from, to) => this.active.fill(255, from, to))
    this.dirtyActive = unionBox(this.dirtyActive, unionBox(before, mask.box))
    this.painted = mask
    this.strokeBox = NOTHING
    for (const stroke of this.strokes) this.extendStroke(stroke, 0)
  }
}
