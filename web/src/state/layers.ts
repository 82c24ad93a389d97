/**
 * The pixels that are drawn over the image, derived from run lengths: one map of object slots for everything that is
 * not being worked on, and one mask for the active object. Cost of drawing does not grow with the number of objects.
 */

import { cellAt, cellBox, forCells, wholeGrid, type Grid } from './grid'
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
  private painting: Uint16Array
  private activeCells: Uint8Array
  /** What has changed since the renderer last took it. */
  private changedIds: Box = NOTHING
  /** Where objects have changed and nobody has looked yet: many changes are painted in one go. */
  private stale: Box = NOTHING
  private holding: Box | null = null
  private known = new Set<number>()
  private changedActive: Box = NOTHING
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

  /** `grid` tells which part of the image is painted and how finely; see `look`. */
  constructor(readonly size: Size, public grid: Grid = wholeGrid(size)) {
    this.painting = new Uint16Array(grid.columns * grid.rows)
    this.activeCells = new Uint8Array(grid.columns * grid.rows)
    // A renderer may still hold what was drawn before a reconnection.
    this.forgotten()
  }

  /** Paints another part of the image, or the same more or less finely. */
  look(grid: Grid): void {
    this.grid = grid
    this.painting = new Uint16Array(grid.columns * grid.rows)
    this.activeCells = new Uint8Array(grid.columns * grid.rows)
    this.repaint({ x0: 0, y0: 0, x1: this.size.width, y1: this.size.height })
    this.paintActive(this.painted, true)
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
    this.changedIds = this.changedActive = { x0: 0, y0: 0, x1: this.size.width, y1: this.size.height }
  }

  /** The renderer has everything up to now. */
  taken(): void {
    this.paintStale()
    this.changedIds = this.changedActive = NOTHING
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
    const value = stroke.positive ? 255 : 0
    const { ids, activeCells } = this
    const box = capsule(a, b, stroke.radius, this.size, (row, from, to) => forCells(this.grid, row, from, to, (first, end) => {
      for (let at = first; at < end; at++) {
        if (!stroke.positive || !this.strokesYield || ids[at] === 0) activeCells[at] = value
      }
    }))
    this.strokeBox = unionBox(this.strokeBox, box)
    this.changedActive = unionBox(this.changedActive, box)
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

  /** Slot of the object at a point of the image; 0 for none. */
  idAt(x: number, y: number): number {
    return this.ids[cellAt(this.grid, x, y)] as number
  }

  /** Whether the active mask covers a point of the image. */
  activeAt(x: number, y: number): boolean {
    return this.activeCells[cellAt(this.grid, x, y)] !== 0
  }

  /** 255 on the active object, cell by cell, row by row. */
  get active(): Uint8Array {
    return this.activeCells
  }

  /** Slot of the object on every cell, row by row; 0 for none. */
  get ids(): Uint16Array {
    this.paintStale()
    return this.painting
  }

  /** The cells of `ids` that have changed since the renderer last took them. */
  get dirtyIds(): Box {
    this.paintStale()
    return cellBox(this.grid, this.changedIds)
  }

  /** The cells of `active` that have changed since the renderer last took them. */
  get dirtyActive(): Box {
    return cellBox(this.grid, this.changedActive)
  }

  private repaint(box: Box): void {
    this.holding = null
    this.stale = unionBox(this.stale, box)
  }

  private paintStale(): void {
    const box = this.stale
    if (isEmptyBox(box)) return
    this.stale = NOTHING
    this.clear(this.painting, box)
    for (const object of this.shown()) {
      const mask = this.maskOf(object.id)
      if (boxesOverlap(mask.box, box)) this.paintInside(mask, this.slotOf(object.id), box)
    }
    this.changedIds = unionBox(this.changedIds, box)
  }

  private paintInside(mask: RunMask, slot: number, box: Box): void {
    this.paintMask(mask, (row, from, to) => {
      if (row < box.y0 || row >= box.y1) return
      const [start, end] = [Math.max(from, box.x0), Math.min(to, box.x1)]
      if (start < end) forCells(this.grid, row, start, end, (first, last) => this.painting.fill(slot, first, last))
    })
  }

  private paintMask(mask: RunMask, paint: (row: number, from: number, to: number) => void): void {
    const { width } = this.size
    forEachSpan(mask, width, (from, to) => {
      const row = Math.floor(from / width)
      paint(row, from - row * width, to - row * width)
    })
  }

  private clear(cells: Uint8Array | Uint16Array, box: Box): void {
    const { columns } = this.grid
    const { x0, y0, x1, y1 } = cellBox(this.grid, box)
    for (let row = y0; row < y1; row++) cells.fill(0, row * columns + x0, row * columns + x1)
  }

  private paintActive(mask: RunMask, again = false): void {
    if (mask === this.painted && !again) return
    const before = this.activeBox
    this.clear(this.activeCells, before)
    this.paintMask(mask, (row, from, to) => forCells(this.grid, row, from, to, (first, end) => this.activeCells.fill(255, first, end)))
    this.changedActive = unionBox(this.changedActive, unionBox(before, mask.box))
    this.painted = mask
    this.strokeBox = NOTHING
    for (const stroke of this.strokes) this.extendStroke(stroke, 0)
  }
}
