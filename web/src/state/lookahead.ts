/**
 * Shows what a click would give before it is made: asked for while the pointer rests, and again when a button goes down, so
 * that the model is at work before the button comes up. Nothing of it is stored. It switches itself off where answers are slow.
 */

import type { Channel } from './channel'
import { reachOf } from './reach'
import type { Ports } from './ports'
import type { Store } from './store'
import { insideImage, type Point } from './view'

/** How long the pointer rests before the question is asked. */
export const REST_MS = 60
/** Above this, nine of ten answers included, looking ahead hinders more than it helps. */
export const SLOW_MS = 250
/** Below this it is worth trying again. */
export const QUICK_MS = 200
const ENOUGH = 5
const REMEMBERED = 20

export class Lookahead {
  private timer: ReturnType<typeof setTimeout> | undefined
  private seq = 0
  private sentAt: number | null = null
  /** Of the session; says when looking ahead is too slow. */
  private readonly took: number[] = []

  constructor(private readonly store: Store, private readonly ports: Ports, private readonly channel: Channel) {
    channel.onPreview = (seq, mask) => {
      const { preview } = this.store
      if (preview.value?.seq !== seq) return
      if (this.sentAt !== null) this.note(this.ports.now() - this.sentAt)
      this.sentAt = null
      preview.value = { ...preview.value, mask }
    }
  }

  /** The pointer is here now. */
  move(at: Point, positive: boolean): void {
    clearTimeout(this.timer)
    if (!this.isAt(at, positive)) this.clear()
    if (this.store.hover.value === 'off' || this.store.lookahead.value === 'slow') return
    this.timer = setTimeout(() => this.ask(at, positive), REST_MS)
  }

  /** A button goes down here: in a moment this is a click. */
  press(at: Point, positive: boolean): void {
    clearTimeout(this.timer)
    if (!this.isAt(at, positive)) this.ask(at, positive)
  }

  /** It is no click after all. */
  cancel(): void {
    clearTimeout(this.timer)
    if (this.store.preview.value) this.channel.look({ type: 'cancel', seq: this.seq })
    this.clear()
  }

  /** It has become a click, whose own answer comes now. */
  taken(): void {
    clearTimeout(this.timer)
    this.clear()
  }

  /** Where to click so that the answer which is there already counts. */
  snapped(at: Point, positive: boolean): Point {
    const shown = this.store.preview.value
    return shown && this.isAt(at, positive) ? shown.at : at
  }

  /** Takes note of how long an answer took, a click's or a look's. */
  note(milliseconds: number): void {
    this.took.push(milliseconds)
    if (this.took.length > REMEMBERED) this.took.shift()
    const p90 = [...this.took].sort((a, b) => a - b)[Math.ceil(this.took.length * 0.9) - 1] as number
    const { lookahead } = this.store
    if (this.took.length < ENOUGH) return
    if (p90 > SLOW_MS) lookahead.value = 'slow'
    else if (p90 < QUICK_MS) lookahead.value = 'on'
  }

  private ask(at: Point, positive: boolean): void {
    const { store } = this
    if (!this.possible(at, positive)) return
    this.seq++
    this.sentAt = this.ports.now()
    const reach = reachOf(store)
    store.preview.value = { seq: this.seq, at, positive, ...reach, rev: store.document.value.rev, mask: null }
    this.channel.look({ type: 'hover', seq: this.seq, x: at.x, y: at.y, positive, ...reach })
  }

  private possible(at: Point, positive: boolean): boolean {
    const { store } = this
    const size = store.imageSize.value
    const idle = store.unsaved.value === 0 && store.busy.value === null && !store.panning.value && !store.peeking.value
    const active = store.active.value
    return store.status.value === 'ready' && store.connection.value === 'open' && store.tool.value === 'click' && idle
      && (positive ? active === null || active.settled : active?.settled === true) && size !== null && insideImage(at, size)
  }

  /** Whether the question that was asked last is about this pixel, this sign and the objects as they are. */
  private isAt(at: Point, positive: boolean): boolean {
    const asked = this.store.preview.value
    return asked !== null && asked.positive === positive && asked.rev === this.store.document.value.rev
      && asked.reach === reachOf(this.store).reach
      && Math.floor(asked.at.x) === Math.floor(at.x) && Math.floor(asked.at.y) === Math.floor(at.y)
  }

  private clear(): void {
    this.store.preview.value = null
    this.sentAt = null
  }
}
