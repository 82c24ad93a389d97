/** What a person can do, turned into commands. Knows no page and no socket. */

import { batch } from '@preact/signals-core'
import { Channel } from './channel'
import { describeObject, objectName } from './describe'
import { objectOf } from './document'
import { Doubter } from './doubter'
import { Lookahead } from './lookahead'
import { announce, toast } from './notices'
import { pair, Painter } from './painter'
import type { Ports } from './ports'
import { reachOf } from './reach'
import { EMPTY_MASK, isEmptyBox, maskContains } from './runs'
import { middleSlice, PLANES, type Plane } from './slices'
import { Reviewer } from './review'
import type { Store } from './store'
import { t } from './strings'
import { insideImage, toScreen, type Point, type Size } from './view'
import type { ObjectPatch } from './wire'

/** Distance in screen pixels within which a click means the marker under it. */
export const MARKER_REACH = 9

export class Annotator {
  /** Tools that change pixels and shapes themselves. */
  readonly painter: Painter
  private readonly channel: Channel
  readonly ahead: Lookahead
  /** Shows what the model is not sure of. */
  readonly doubter: Doubter
  readonly reviewer: Reviewer
  /** Distance on the screen between two places of the open medium, CSS pixels; what shows the medium knows. */
  apart: (a: Point, b: Point) => number = (a, b) => {
    const [from, to] = [toScreen(this.store.view.value, a), toScreen(this.store.view.value, b)]
    return Math.hypot(from.x - to.x, from.y - to.y)
  }

  constructor(private readonly store: Store, private readonly ports: Ports, client: string) {
    this.channel = new Channel(store, ports, client)
    this.ahead = new Lookahead(store, ports, this.channel)
    store.client.value = client
    this.doubter = new Doubter(store, ports)
    this.reviewer = new Reviewer(store, ports, (id, patch) => this.patch(id, patch), (id) => this.select(id))
    this.channel.onAnswered = (milliseconds) => this.ahead.note(milliseconds)
    this.painter = new Painter(
      store, this.channel, () => ({ ...this.classField(), t: Math.round(ports.now()) }), () => this.atWork(), (id) => this.reopen(id),
    )
  }

  // ---- images

  /** Opens an image in place of the one that is open. */
  open(image: number): void {
    this.channel.open(image)
  }

  /** The image so many places further on in the list, if there is one. */
  step(by: number): void {
    const images = this.store.shownImages.value
    const at = images.findIndex((i) => i.id === this.store.current.value)
    const next = images[at + by]
    if (next) this.open(next.id)
    else announce(this.store, t(by > 0 ? 'say.lastImage' : 'say.firstImage'))
  }

  // ---- prompts

  /** A click at an image point; on a marker of the same sign it takes that prompt back. */
  click(at: Point, positive: boolean): void {
    const size = this.placeable()
    if (size === null || !insideImage(at, size) || this.painter.picked(at)) return
    if (this.withTool(at, positive)) return
    const index = this.markerAt(at, positive)
    if (index !== null) return void this.channel.send({ type: 'remove_prompt', index })
    if (this.proposed(at, positive)) return void this.channel.send({ type: 'accept', x: at.x, y: at.y })
    if (!positive && !this.atWork() && this.store.status.value === 'ready') return toast(this.store, 'note', t('hint.beginPositive'))
    const { x, y } = this.ahead.snapped(at, positive)
    this.ahead.taken()
    this.channel.send({ type: 'click', x, y, positive, ...reachOf(this.store), ...this.classField(), t: Math.round(this.ports.now()) })
  }

  /** The tool in hand, where it has a meaning for a single point; true if it had. */
  private withTool(at: Point, positive: boolean): boolean {
    switch (this.store.tool.value) {
      case 'wand':
        this.painter.wand(at, positive)
        return true
      case 'brush':
      case 'eraser':
        this.painter.dab(at, positive === (this.store.tool.value === 'brush'))
        return true
      case 'polygon':
        if (positive) this.painter.addCorner(at)
        else this.painter.dropCorner()
        return true
      default:
        return false
    }
  }

  /** A box between two image points, cut to the image. */
  box(from: Point, to: Point): void {
    const size = this.placeable()
    if (size === null) return
    const box = {
      x0: Math.max(0, Math.min(from.x, to.x)),
      y0: Math.max(0, Math.min(from.y, to.y)),
      x1: Math.min(size.width, Math.max(from.x, to.x)),
      y1: Math.min(size.height, Math.max(from.y, to.y)),
    }
    if (box.x1 - box.x0 < 1 || box.y1 - box.y0 < 1) return
    this.channel.send({ type: 'box', ...box, ...this.classField(), t: Math.round(this.ports.now()) })
  }

  /** A scribble or a lasso, in image points. */
  drawLine(type: 'scribble' | 'lasso', points: readonly Point[], positive: boolean): void {
    if (this.placeable() === null || points.length < (type === 'lasso' ? 3 : 1)) return
    if (!positive && !this.atWork() && this.store.status.value === 'ready') return toast(this.store, 'note', t('hint.beginPositive'))
    this.channel.send({ type, points: points.map(pair), positive, ...this.classField(), t: Math.round(this.ports.now()) })
  }

  /** Points of a cloud that a loop went round; `runs` as the protocol has them. */
  selectPoints(runs: string, positive: boolean): void {
    if (this.placeable() === null) return
    if (!positive && !this.atWork() && this.store.status.value === 'ready') return toast(this.store, 'note', t('hint.beginPositive'))
    this.channel.send({ type: 'select', runs, positive, ...this.classField(), t: Math.round(this.ports.now()) })
  }

  /** Takes everything that the model would change as well. */
  acceptAll(): void {
    if (this.store.active.value?.ghosts) this.channel.send({ type: 'accept' })
    else announce(this.store, t('say.nothingProposed'))
  }

  // ---- threshold

  /** Shows the object in progress at another threshold; `keep` stores it. */
  setThreshold(value: number, keep: boolean): void {
    if (!this.store.active.value) return
    this.channel.send({ type: keep ? 'threshold' : 'try_threshold', value })
  }

  /** What a plain click means from now on. */
  aim(sign: 'positive' | 'negative'): void {
    this.store.sign.value = sign
    announce(this.store, t(`say.aim.${sign}`))
  }

  /** Shows the next of the masks that the prompts may mean. */
  nextMask(): void {
    if (this.atWork()) this.channel.send({ type: 'next_mask' })
    else announce(this.store, t('say.nothingToFinish'))
  }

  finish(): void {
    if (this.store.polygon.value) return this.painter.closePolygon(this.store.sign.value === 'positive')
    if (this.atWork()) this.channel.send({ type: 'finish' })
    else announce(this.store, t('say.nothingToFinish'))
  }

  /** Throws the object in progress away (undoable); without one, lets go of the selection. */
  startOver(): void {
    const { picking, polygon, doubting } = this.store
    if (picking.value || polygon.value) {
      picking.value = polygon.value = null
      return
    }
    if (doubting.value) return this.doubter.close()
    if (this.atWork()) this.channel.send({ type: 'discard' })
    else this.store.selected.value = null
  }

  undo(): void {
    this.travel('undo')
  }

  redo(): void {
    this.travel('redo')
  }

  /** Undoes or redoes until a step is the newest that counts; 0 goes back to the start. */
  jump(action: number): void {
    this.channel.send({ type: 'jump', action })
  }

  private travel(type: 'undo' | 'redo'): void {
    if (this.store.status.value === 'loading') return this.sayOpening()
    if (this.store.status.value !== 'ready') return
    // While commands are under way the names in the history lag behind, so the server decides.
    if (this.store.unsaved.value > 0 || this.store.document.value.history[type]) this.channel.send({ type })
    else announce(this.store, t(type === 'undo' ? 'say.nothingToUndo' : 'say.nothingToRedo'))
  }

  // ---- slices of a volume

  /** Shows another slice. */
  goToSlice(slice: number): void {
    const { store } = this
    const volume = store.volume.value
    if (!volume) return
    const next = Math.min(Math.max(slice, 0), volume.slices - 1)
    if (next === store.slice.value) return
    this.ahead.cancel()
    batch(() => {
      store.slice.value = next
      this.channel.showSlice()
    })
    this.ports.session.set(`slice-${store.current.value}`, String(next))
    announce(store, t('volume.slice', { slice: next + 1, slices: volume.slices }))
  }

  /** Cuts the volume along another plane, which is possible as long as nothing is on it: masks belong to a plane. */
  async cutAlong(plane: Plane): Promise<void> {
    const { store } = this
    const image = store.current.value
    if (image === null || !store.volume.value || store.volume.value.plane === plane) return
    if (store.document.value.objects.length > 0) return toast(store, 'note', t('volume.planeHeld'))
    try {
      await this.ports.rest.cut(image, plane)
      announce(store, t(`volume.${plane}`))
    } catch (error) {
      toast(store, 'error', error instanceof Error ? error.message : String(error))
    }
  }

  nextPlane(): void {
    const { volume } = this.store
    if (volume.value) void this.cutAlong(PLANES[(PLANES.indexOf(volume.value.plane) + 1) % PLANES.length] as Plane)
  }

  /** Carries the mask of the object in progress from this slice to the others. */
  carry(direction: 'both' | 'forward' | 'backward'): void {
    if (this.atWork()) this.channel.send({ type: 'propagate', slice: this.store.slice.value, direction })
    else announce(this.store, t('say.nothingToFinish'))
  }

  stopCarrying(): void {
    this.channel.send({ type: 'stop' })
  }

  // ---- objects

  select(object: number | null): void {
    this.store.selected.value = object
    const found = objectOf(this.store.document.value, object)
    const { volume } = this.store
    const slice = found && volume.value ? middleSlice(found.box, volume.value.rows) : null
    if (found && slice !== null && !this.isOnSlice(found.id)) this.goToSlice(slice)
    if (found) announce(this.store, describeObject(found, this.store.classes.value, this.store.kind.value))
  }

  private isOnSlice(object: number): boolean {
    return !isEmptyBox(this.store.layers.value?.maskOf(object).box ?? EMPTY_MASK.box)
  }

  selectAt(at: Point): void {
    if (this.painter.picked(at)) return
    this.select(this.store.layers.value?.objectAt(at.x, at.y) ?? null)
  }

  /** Goes on working on an object: a finished one is opened again, one in progress becomes the active one. */
  reopen(object: number): void {
    const found = objectOf(this.store.document.value, object)
    if (!found || this.store.document.value.active === object) return
    const other = this.store.people.value.find((p) => p.active === object && p.client !== this.store.client.value)
    if (other) toast(this.store, 'note', t('say.alsoAtWork', { person: other.name || t('people.somebody'), name: objectName(found, this.store.classes.value) }))
    this.channel.send(found.state === 'finished' ? { type: 'reopen', object } : { type: 'activate', object })
    this.store.selected.value = null
  }

  patch(object: number, patch: ObjectPatch): void {
    this.channel.send({ type: 'patch', object, ...patch })
  }

  /** Locks or unlocks the selected object. */
  toggleLock(): void {
    const selected = this.store.selectedObject.value
    if (selected) this.patch(selected.id, { locked: !selected.locked })
    else announce(this.store, t('say.selectFirst'))
  }

  /** Makes the selected object an ignore region, or one that counts again. */
  toggleIgnored(): void {
    const selected = this.store.selectedObject.value ?? this.store.active.value
    if (selected) this.patch(selected.id, { ignored: !selected.ignored })
    else announce(this.store, t('say.selectFirst'))
  }

  /** Takes a name for who works here, and tells the others. */
  call(name: string): void {
    this.store.person.value = name.trim().slice(0, 40)
    this.channel.sayWho()
  }

  remove(object: number): void {
    this.channel.send({ type: 'delete', object })
    if (this.store.selected.value === object) this.store.selected.value = null
  }

  /** Deletes the selected object, else throws away the one in progress. */
  removeChosen(): void {
    if (this.store.polygon.value) return this.painter.dropCorner()
    const { selectedObject } = this.store
    if (selectedObject.value) this.remove(selectedObject.value.id)
    else this.startOver()
  }

  // ---- classes

  reloadClasses(): Promise<void> {
    return this.channel.reloadClasses()
  }

  /** Makes a class the one for new objects and gives it to the selected or active one. */
  chooseClass(id: number): void {
    const { store } = this
    store.stickyClass.value = id
    this.ports.session.set('class', String(id))
    const target = store.selectedObject.value ?? (store.leaving.value ? null : store.active.value)
    if (target && target.class !== id) this.patch(target.id, { class: id })
    const chosen = store.classes.value.find((c) => c.id === id)
    if (chosen) announce(this.store, t('say.class', { name: chosen.name }))
  }

  chooseClassByKey(key: number): void {
    const found = this.store.classes.value.find((c) => c.key === key)
    if (found) this.chooseClass(found.id)
    else announce(this.store, t('say.noClassWithKey', { key }))
  }

  private classField(): { class?: number } {
    const chosen = this.store.chosenClass.value
    return chosen ? { class: chosen.id } : {}
  }

  /** Whether the model proposes what a click of this sign would ask for at a point. */
  private proposed(at: Point, positive: boolean): boolean {
    const { active, layers, leaving } = this.store
    if (!active.value?.ghosts || leaving.value || !layers.value) return false
    const { id } = active.value
    return maskContains(layers.value.ghostsOf(id), at.x, at.y) && maskContains(layers.value.maskOf(id), at.x, at.y) !== positive
  }

  /** Whether there is an object in progress, or will be when the commands under way have arrived. */
  private atWork(): boolean {
    const { active, leaving, pending } = this.store
    return (active.value !== null && !leaving.value) || pending.value.length > 0
  }

  /** The size of the image if a prompt can be placed on it now or as soon as it is open; otherwise the person is told. */
  private placeable(): Size | null {
    const { status, imageSize } = this.store
    if (status.value === 'loading' && imageSize.value === null) this.sayOpening()
    return status.value === 'ready' || status.value === 'loading' ? imageSize.value : null
  }

  private sayOpening(): void {
    toast(this.store, 'note', t('say.opening', { name: this.store.currentImage.value?.name ?? '' }))
  }

  private markerAt(at: Point, positive: boolean): number | null {
    const prompts = this.store.leaving.value ? [] : this.store.prompts.value
    const merged = prompts.findLastIndex((p) => p.kind === 'mask')
    for (let i = prompts.length - 1; i > merged; i--) {
      const prompt = prompts[i]
      if (prompt?.kind !== 'click' || prompt.positive !== positive) continue
      if (this.apart(at, prompt) <= MARKER_REACH) return i
    }
    return null
  }
}
