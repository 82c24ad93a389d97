/**
 * Shows what the model is not sure of and proposes where to click next. It only ever proposes: the crosshair moves there
 * when the person says so, and the click is theirs. Asked for on demand, and again after each answer while it is shown.
 */

import { effect } from '@preact/signals-core'
import { objectName } from './describe'
import { announce } from './notices'
import { Refusal, type Ports } from './ports'
import type { Doubts, Store } from './store'
import { number, t } from './strings'
import type { Point } from './view'
import type { DoubtfulPlace, ObjectInfo } from './wire'

export class Doubter {
  /** Object and revision that were asked about last. */
  private asked = ''

  constructor(private readonly store: Store, private readonly ports: Ports) {
    effect(() => {
      const { active, doubting, status } = store
      if (!doubting.value) return
      if (status.value !== 'ready' || active.value === null) return this.forget()
      if (active.value.settled) void this.ask(active.value)
    })
  }

  /** Shows it; if it is shown, looks at the next place. */
  next(): void {
    this.turn(1)
  }

  previous(): void {
    this.turn(-1)
  }

  /** The place that is looked at, for the crosshair to go to. */
  go(): Point | null {
    const { doubts } = this.store
    const place = doubts.value?.places[doubts.value.at]
    if (!doubts.value || !place) return null
    doubts.value = { ...doubts.value, reached: true }
    announce(this.store, t('say.unsureThere', { what: t(place.inside ? 'say.unsureInside' : 'say.unsureOutside') }))
    return { x: place.x, y: place.y }
  }

  close(): void {
    this.store.doubting.value = false
    this.forget()
  }

  private turn(by: number): void {
    const { active, doubting, doubts } = this.store
    if (active.value === null) return announce(this.store, t('say.nothingUnsure'))
    if (!doubting.value) return void (doubting.value = true)
    const shown = doubts.value
    if (!shown || shown.places.length === 0) return this.say(active.value, shown)
    doubts.value = { ...shown, at: (shown.at + by + shown.places.length) % shown.places.length, reached: false }
    this.say(active.value, doubts.value)
  }

  private async ask(object: ObjectInfo): Promise<void> {
    const { store } = this
    const wanted = `${object.id} ${object.rev}`
    if (this.asked === wanted) return
    this.asked = wanted
    try {
      const found = await this.ports.rest.uncertainty(object.id)
      if (this.asked !== wanted || !store.doubting.value) return
      store.doubts.value = { ...found, at: 0, reached: false }
      this.say(object, store.doubts.value)
    } catch (error) {
      if (this.asked !== wanted) return
      this.close()
      announce(store, error instanceof Refusal ? error.message : t('canvas.unreachable'))
    }
  }

  private say(object: ObjectInfo, doubts: Doubts | null): void {
    const place = doubts?.places[doubts.at]
    const name = objectName(object, this.store.classes.value)
    if (!doubts || !place) return announce(this.store, t('say.sure', { name }))
    announce(this.store, t('say.unsure', {
      where: t(`where.${whereIn(object, place)}`), name, at: doubts.at + 1, count: doubts.places.length, area: number(place.pixels),
      key: this.store.keyMap.value['uncertainty-go'][0] ?? t('command.uncertainty-go'),
    }))
  }

  private forget(): void {
    this.asked = ''
    this.store.doubts.value = null
  }
}

/** In which ninth of the object's box a place lies; outside of the box it is that edge. */
export function whereIn(object: ObjectInfo, place: DoubtfulPlace): string {
  const [x0, y0, x1, y1] = object.box
  const column = ['left', 'middle', 'right'][third(place.x, x0, x1)] as string
  const row = ['top', 'middle', 'bottom'][third(place.y, y0, y1)] as string
  if (row === 'middle') return column
  return column === 'middle' ? row : `${row}-${column}`
}

function third(at: number, from: number, to: number): number {
  return Math.min(2, Math.max(0, Math.floor((3 * (at - from)) / Math.max(1, to - from))))
}
