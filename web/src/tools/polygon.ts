/** Corners: of a polygon that is being drawn, and of the outline of the active object, which can be moved. */

import { effect } from '@preact/signals-core'
import type { Annotator } from '../state/annotator'
import { pair } from '../state/painter'
import type { Rest } from '../state/ports'
import type { Store } from '../state/store'
import { clampToImage, toScreen, type Point } from '../state/view'
import type { Loop } from '../state/wire'

/** Distance in screen pixels within which a press means the corner, or the side, under it. */
const CORNER_REACH = 9
const SIDE_REACH = 5
/** Outlines are simplified to this many screen pixels, so that a person can get hold of their corners. */
const DETAIL = 1.5

interface Held {
  readonly loop: number
  readonly corner: number
}

export class PolygonTool {
  private held: Held | null = null
  /** The loops before the drag. */
  private before: readonly (readonly Point[])[] = []
  private moved = false
  /** A change of our own is under way: the revision that it brings belongs to the loops that are shown. */
  private ours = false
  private asked: string | null = null

  constructor(private readonly store: Store, private readonly annotator: Annotator, private readonly rest: Rest) {
    effect(() => this.follow())
  }

  down(at: Point, positive: boolean): void {
    const { polygon } = this.store
    const drawn = polygon.value
    if (drawn) {
      const first = drawn[0] as Point
      if (drawn.length > 2 && this.near(at, first, CORNER_REACH)) this.annotator.painter.closePolygon(positive)
      else this.annotator.painter.addCorner(at)
      return
    }
    this.held = this.cornerAt(at) ?? this.newCornerAt(at)
    if (!this.held) this.annotator.painter.addCorner(at)
  }

  move(at: Point): void {
    const { corners, imageSize } = this.store
    if (!this.held || !corners.value || !imageSize.value) return
    const { loop, corner } = this.held
    const place = clampToImage(at, imageSize.value)
    corners.value = { ...corners.value, loops: replaced(corners.value.loops, loop, (points) => points.with(corner, place)) }
    this.moved = true
  }

  up(): void {
    if (this.held && this.moved) this.send()
    this.held = null
    this.moved = false
  }

  /** Takes the corner under a point out of the outline; true if there was one. */
  remove(at: Point): boolean {
    const { corners } = this.store
    const held = this.cornerAt(at)
    if (!held || !corners.value) return false
    this.before = corners.value.loops
    const loops = replaced(corners.value.loops, held.loop, (points) => points.toSpliced(held.corner, 1))
    corners.value = { ...corners.value, loops: loops.filter((points) => points.length > 2) }
    this.send()
    return true
  }

  private send(): void {
    const { corners } = this.store
    if (!corners.value) return
    this.ours = true
    this.annotator.painter.moveOutline(asLoops(this.before), asLoops(corners.value.loops))
  }

  /** The outline is that of the active object, while the tool is in hand. */
  private follow(): void {
    const { tool, active, leaving, corners } = this.store
    const object = active.value
    if (tool.value !== 'polygon' || !object || !object.settled || object.area === 0 || leaving.value) {
      corners.value = null
      return
    }
    if (corners.peek()?.object === object.id && corners.peek()?.rev === object.rev) return
    const kept = corners.peek()
    if (this.ours && kept?.object === object.id) {
      this.ours = false
      corners.value = { ...kept, rev: object.rev }
      return
    }
    void this.load(object.id, object.rev)
  }

  private async load(object: number, rev: number): Promise<void> {
    const { store } = this
    this.ours = false
    this.asked = `${object} ${rev}`
    const loops = await this.rest.outline(object, Math.max(0.75, DETAIL / store.view.peek().scale)).catch(() => [])
    // Only the newest question counts, and only while it is still about what is shown.
    if (this.asked !== `${object} ${rev}` || store.active.value?.id !== object) return
    store.corners.value = { object, rev, loops: loops.map((loop) => loop.map(([x, y]) => ({ x, y }))) }
  }

  private cornerAt(at: Point): Held | null {
    const loops = this.store.corners.value?.loops ?? []
    this.before = loops
    for (let loop = 0; loop < loops.length; loop++) {
      const corner = (loops[loop] ?? []).findIndex((point) => this.near(at, point, CORNER_REACH))
      if (corner >= 0) return { loop, corner }
    }
    return null
  }

  /** A new corner on the side under a point. */
  private newCornerAt(at: Point): Held | null {
    const { corners } = this.store
    const loops = corners.value?.loops ?? []
    for (let loop = 0; loop < loops.length; loop++) {
      const points = loops[loop] as readonly Point[]
      const side = points.findIndex((point, i) => this.near(at, closest(at, point, points[(i + 1) % points.length] as Point), SIDE_REACH))
      if (side < 0 || !corners.value) continue
      corners.value = { ...corners.value, loops: replaced(loops, loop, (old) => old.toSpliced(side + 1, 0, at)) }
      return { loop, corner: side + 1 }
    }
    return null
  }

  private near(a: Point, b: Point, reach: number): boolean {
    const view = this.store.view.value
    const [p, q] = [toScreen(view, a), toScreen(view, b)]
    return Math.hypot(p.x - q.x, p.y - q.y) <= reach
  }
}

function replaced(
  loops: readonly (readonly Point[])[], at: number, change: (points: readonly Point[]) => readonly Point[],
): readonly (readonly Point[])[] {
  return loops.map((points, i) => (i === at ? change(points) : points))
}

function asLoops(loops: readonly (readonly Point[])[]): readonly Loop[] {
  return loops.map((points) => points.map(pair))
}

/** The point of a side that is nearest to a point. */
function closest(at: Point, a: Point, b: Point): Point {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const square = dx * dx + dy * dy
  const along = square > 0 ? Math.min(Math.max(((at.x - a.x) * dx + (at.y - a.y) * dy) / square, 0), 1) : 0
  return { x: a.x + along * dx, y: a.y + along * dy }
}
