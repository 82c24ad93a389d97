/** Tools that change pixels or whole shapes themselves, turned into commands. Knows no page and no socket. */

import { resized } from './brush'
import type { Channel } from './channel'
import type { Stroke } from './layers'
import { announce, toast } from './notices'
import type { Store } from './store'
import { t } from './strings'
import { clampToImage, insideImage, type Point } from './view'
import type { CombineName, Loop, ShapeName } from './wire'

export const pair = (point: Point): readonly [number, number] => [point.x, point.y]

/** Specks and holes of at most so many pixels go. */
const SPECK = 20

export class Painter {
  constructor(
    private readonly store: Store, private readonly channel: Channel,
    /** What every drawing command says besides: the class for a new object, and the time. */
    private readonly fields: () => { class?: number; t: number },
    /** Whether there is, or is about to be, an object in progress. */
    private readonly atWork: () => boolean,
    private readonly reopen: (object: number) => void,
  ) {}

  /** Whether pixels may be drawn now; a selected object is opened again for it. */
  mayPaint(positive: boolean): boolean {
    if (this.store.status.value !== 'ready') return false
    const selected = this.store.selectedObject.value
    if (!this.atWork() && selected) this.reopen(selected.id)
    else if (!this.atWork() && !positive) {
      toast(this.store, 'note', t('hint.nothingToErase'))
      return false
    }
    return true
  }

  /** A finished stroke of the brush or the eraser. */
  paint(stroke: Stroke): void {
    const { points, radius, positive } = stroke
    stroke.seq = this.channel.send({ type: 'paint', points: points.map(pair), radius, positive, ...this.fields() })
  }

  /** A dab without a drag, for a tap and for the keyboard. */
  dab(at: Point, positive: boolean): void {
    if (this.mayPaint(positive)) this.paint({ seq: null, points: [at], radius: this.store.brushRadius.value, positive })
  }

  resizeBrush(larger: boolean): void {
    this.store.brushRadius.value = resized(this.store.brushRadius.value, larger)
  }

  /** Everything of a similar colour round a point. */
  wand(at: Point, positive: boolean): void {
    const size = this.store.imageSize.value
    if (!size || !insideImage(at, size) || !this.mayPaint(positive)) return
    this.channel.send({ type: 'wand', x: at.x, y: at.y, tolerance: this.store.tolerance.value, positive, ...this.fields() })
  }

  // ---- polygons

  addCorner(at: Point): void {
    const { polygon, imageSize } = this.store
    if (!imageSize.value || this.store.status.value !== 'ready') return
    polygon.value = [...(polygon.value ?? []), clampToImage(at, imageSize.value)]
  }

  dropCorner(): void {
    const { polygon } = this.store
    const left = (polygon.value ?? []).slice(0, -1)
    polygon.value = left.length ? left : null
  }

  /** The polygon is complete: it belongs to the object, or is taken away from it. */
  closePolygon(positive: boolean): void {
    const points = this.store.polygon.value ?? []
    if (points.length < 3) return announce(this.store, t('say.threeCorners'))
    this.store.polygon.value = null
    if (this.mayPaint(positive)) this.channel.send({ type: 'polygon', loops: [points.map(pair)], positive, ...this.fields() })
  }

  moveOutline(before: readonly Loop[], loops: readonly Loop[]): void {
    this.channel.send({ type: 'polygon', before, loops, positive: true })
  }

  // ---- shapes

  shape(operation: ShapeName): void {
    const amount = operation === 'remove_specks' ? SPECK : this.store.amount.value
    this.about((object) => this.channel.send({ type: 'shape', operation, amount, object }))
  }

  split(line?: readonly Point[]): void {
    this.about((object) => this.channel.send({ type: 'split', object, ...(line ? { line: line.map(pair) } : {}) }))
  }

  /** The next click names the other object. */
  pick(operation: CombineName): void {
    this.about((object) => {
      this.store.picking.value = { operation, object }
      announce(this.store, t(`options.pick.${operation}`))
    })
  }

  /** Takes the object under a point for the operation that waits for it; true if one waited. */
  picked(at: Point): boolean {
    const waiting = this.store.picking.value
    if (!waiting) return false
    const other = this.store.layers.value?.objectAt(at.x, at.y, waiting.object) ?? null
    if (other === null) announce(this.store, t('say.noOtherHere'))
    else {
      this.store.picking.value = null
      this.channel.send({ type: 'combine', operation: waiting.operation, others: [other], object: waiting.object })
    }
    return true
  }

  private about(work: (object: number) => void): void {
    const target = this.store.selectedObject.value ?? this.store.active.value
    if (target) work(target.id)
    else announce(this.store, t('say.selectFirst'))
  }
}
