/** What a person can do, turned into commands; what the server says, turned into state. Knows no page and no socket. */

import { batch } from '@preact/signals-core'
import { describePrompt, describeObject } from './describe'
import { applied, objectOf, opened, settled } from './document'
import { Layers } from './layers'
import { Outbox } from './outbox'
import type { Live, Ports } from './ports'
import type { Pending, Store } from './store'
import { t } from './strings'
import { insideImage, toScreen, type Point } from './view'
import type { Box } from './runs'
import type { CommandBody, MaskRecord, ObjectPatch, Ready, SentCommand, ServerMessage } from './wire'

/** Distance in screen pixels within which a click means the marker under it. */
export const MARKER_REACH = 9

const FINAL_CLOSE: Readonly<Record<number, string>> = { 4401: 'closed.unauthorised', 4403: 'closed.forbidden' }

export class Annotator {
  private live: Live | null = null
  private outbox = new Outbox()
  private readonly sentAt = new Map<number, number>()
  private toastId = 0

  constructor(private readonly store: Store, private readonly ports: Ports, private readonly client: string) {}

  // ---- images

  /** Closes the image that is open and opens another. */
  open(image: number): void {
    const { store } = this
    if (store.current.value === image && store.status.value !== 'failed') return
    this.live?.close()
    this.outbox = new Outbox(this.leftover(image))
    this.sentAt.clear()
    batch(() => {
      store.current.value = image
      store.status.value = 'loading'
      store.problem.value = null
      store.pictureProblem.value = null
      store.document.value = { rev: 0, objects: [], active: null, history: { undo: null, redo: null } }
      store.layers.value = null
      store.imageSize.value = null
      store.selected.value = null
      store.crosshair.value = null
      store.rubber.value = null
      store.busy.value = null
      store.connection.value = 'connecting'
      this.outboxChanged()
    })
    this.ports.session.set('image', String(image))
    this.live = this.ports.connect(image, this.client, {
      message: (message) => batch(() => this.receive(message)),
      record: (record) => batch(() => this.receiveMask(record)),
      connected: (state) => (store.connection.value = state),
      ended: (code) => this.ended(code),
    })
  }

  /** The image so many places further on in the list, if there is one. */
  step(by: number): void {
    const images = this.store.images.value
    const at = images.findIndex((i) => i.id === this.store.current.value)
    const next = images[at + by]
    if (next) this.open(next.id)
    else this.announce(t(by > 0 ? 'say.lastImage' : 'say.firstImage'))
  }

  // ---- prompts

  /** A click at an image point; on a marker of the same sign it takes that prompt back. */
  click(at: Point, positive: boolean): void {
    if (!this.ready(at)) return
    const index = this.markerAt(at, positive)
    if (index !== null) return this.send({ type: 'remove_prompt', index })
    if (!positive && !this.atWork()) {
      return this.toast('note', t('hint.beginPositive'))
    }
    this.send({ type: 'click', x: at.x, y: at.y, positive, ...this.classField(), t: Math.round(this.ports.now()) })
  }

  /** A box between two image points, cut to the image. */
  box(from: Point, to: Point): void {
    const size = this.store.imageSize.value
    if (!size || this.store.status.value !== 'ready') return
    const box = {
      x0: Math.max(0, Math.min(from.x, to.x)),
      y0: Math.max(0, Math.min(from.y, to.y)),
      x1: Math.min(size.width, Math.max(from.x, to.x)),
      y1: Math.min(size.height, Math.max(from.y, to.y)),
    }
    if (box.x1 - box.x0 < 1 || box.y1 - box.y0 < 1) return
    this.send({ type: 'box', ...box, ...this.classField(), t: Math.round(this.ports.now()) })
  }

  finish(): void {
    if (this.atWork()) this.send({ type: 'finish' })
    else this.announce(t('say.nothingToFinish'))
  }

  /** Throws the object in progress away (undoable); without one, lets go of the selection. */
  startOver(): void {
    if (this.atWork()) this.send({ type: 'discard' })
    else this.store.selected.value = null
  }

  undo(): void {
    this.travel('undo')
  }

  redo(): void {
    this.travel('redo')
  }

  private travel(type: 'undo' | 'redo'): void {
    if (this.store.status.value !== 'ready') return
    // While commands are under way the names in the history lag behind, so the server decides.
    if (this.store.unsaved.value > 0 || this.store.document.value.history[type]) this.send({ type })
    else this.announce(t(type === 'undo' ? 'say.nothingToUndo' : 'say.nothingToRedo'))
  }

  // ---- objects

  select(object: number | null): void {
    this.store.selected.value = object
    const found = objectOf(this.store.document.value, object)
    if (found) this.announce(describeObject(found, this.store.classes.value))
  }

  selectAt(at: Point): void {
    this.select(this.store.layers.value?.objectAt(at.x, at.y) ?? null)
  }

  /** Goes on working on an object: a finished one is opened again, one in progress becomes the active one. */
  reopen(object: number): void {
    const found = objectOf(this.store.document.value, object)
    if (!found || this.store.document.value.active === object) return
    this.send(found.state === 'finished' ? { type: 'reopen', object } : { type: 'activate', object })
    this.store.selected.value = null
  }

  patch(object: number, patch: ObjectPatch): void {
    this.send({ type: 'patch', object, ...patch })
  }

  remove(object: number): void {
    this.send({ type: 'delete', object })
    if (this.store.selected.value === object) this.store.selected.value = null
  }

  /** Deletes the selected object, else throws away the one in progress. */
  removeChosen(): void {
    const { selectedObject } = this.store
    if (selectedObject.value) this.remove(selectedObject.value.id)
    else this.startOver()
  }

  // ---- classes

  /** Makes a class the one for new objects and gives it to the selected or active one. */
  chooseClass(id: number): void {
    const { store } = this
    store.stickyClass.value = id
    this.ports.session.set('class', String(id))
    const target = store.selectedObject.value ?? (store.leaving.value ? null : store.active.value)
    if (target && target.class !== id) this.patch(target.id, { class: id })
    const chosen = store.classes.value.find((c) => c.id === id)
    if (chosen) this.announce(t('say.class', { name: chosen.name }))
  }

  chooseClassByKey(key: number): void {
    const found = this.store.classes.value.find((c) => c.key === key)
    if (found) this.chooseClass(found.id)
    else this.announce(t('say.noClassWithKey', { key }))
  }

  // ---- words to the person

  toast(tone: 'error' | 'note', text: string): void {
    const { toasts } = this.store
    const others = toasts.value.filter((one) => one.text !== text)
    toasts.value = [...others, { id: ++this.toastId, tone, text }].slice(-4)
  }

  dismiss(id: number): void {
    this.store.toasts.value = this.store.toasts.value.filter((one) => one.id !== id)
  }

  announce(text: string): void {
    this.store.announcement.value = text
  }

  // ---- the server's words

  private receive(message: ServerMessage): void {
    const { store } = this
    switch (message.type) {
      case 'ready':
        return this.begin(message)
      case 'ack':
        this.outbox.settle(message.seq)
        this.outboxChanged()
        this.show(applied(store.document.value, message))
        return
      case 'changed':
        return this.show(applied(store.document.value, message))
      case 'settled':
        return this.show(settled(store.document.value, message.object))
      case 'error':
        return this.refused(message.seq, message.code, message.message)
      case 'busy':
        store.busy.value = message.stage === 'idle' ? null : message.stage
        return
      case 'classes':
        void this.reloadClasses()
        return
      case 'model':
        if (store.models.value) store.models.value = { ...store.models.value, ...message }
        return
      case 'pong':
        this.outbox.settle(message.seq)
        this.outboxChanged()
    }
  }

  private begin(message: Ready): void {
    const { store } = this
    const size = { width: message.image.width ?? 0, height: message.image.height ?? 0 }
    // After a reconnection the layers are made anew: what the server sends now is the truth.
    store.layers.value = new Layers(size)
    if (store.imageSize.value?.width !== size.width || store.imageSize.value.height !== size.height) store.imageSize.value = size
    store.images.value = store.images.value.map((i) => (i.id === message.image.id ? message.image : i))
    this.show(opened(message))
    for (const command of this.outbox.resume(message.last_seq)) this.live?.send(command)
    this.outboxChanged()
    store.status.value = 'ready'
    store.problem.value = null
  }

  private receiveMask(record: MaskRecord): void {
    const { store } = this
    if (!store.layers.value?.setMask(record.object, record.rev, record.mask)) return
    store.pixels.value++
    const sent = this.sentAt.get(record.seq)
    if (sent !== undefined) {
      store.latency.value = this.ports.now() - sent
      for (const seq of this.sentAt.keys()) if (seq <= record.seq) this.sentAt.delete(seq)
    }
    const object = objectOf(store.document.value, record.object)
    if (object && record.settled && record.seq > 0) this.announce(describePrompt(object, store.classes.value))
  }

  private show(document: Store['document']['value']): void {
    const { store } = this
    store.document.value = document
    store.layers.value?.setObjects(document.objects, document.active)
    store.pixels.value++
    if (!objectOf(document, store.selected.value)) store.selected.value = null
    this.countObjects(document)
  }

  /** The marks on the thumbnails; the list is left alone when they do not change. */
  private countObjects(document: Store['document']['value']): void {
    const { images, currentImage } = this.store
    const finished = document.objects.filter((o) => o.state === 'finished').length
    const in_progress = document.objects.length - finished
    const image = currentImage.value
    if (!image || (image.finished === finished && image.in_progress === in_progress)) return
    images.value = images.value.map((i) => (i === image ? { ...image, finished, in_progress } : i))
  }

  private refused(seq: number, code: string, message: string): void {
    this.sentAt.delete(seq)
    if (seq > 0 && this.outbox.settle(seq)) this.outboxChanged()
    if (seq === 0 && this.store.status.value === 'loading') this.store.problem.value = message
    else this.toast(code === 'protected' || code === 'not_now' ? 'note' : 'error', message)
  }

  private ended(code: number): void {
    const { store } = this
    store.status.value = 'failed'
    const known = FINAL_CLOSE[code]
    store.problem.value ??= known ? t(known) : t('closed.other', { code })
  }

  async reloadClasses(): Promise<void> {
    try {
      this.store.classes.value = await this.ports.rest.classes()
      this.store.pixels.value++
    } catch (error) {
      this.toast('error', error instanceof Error ? error.message : String(error))
    }
  }

  // ---- sending

  private send(body: CommandBody): void {
    if (this.store.status.value !== 'ready') return
    const command = this.outbox.add(body, this.store.document.value.rev)
    if (body.type === 'click' || body.type === 'box' || body.type === 'remove_prompt') {
      this.sentAt.set(command.seq, this.ports.now())
    }
    batch(() => this.outboxChanged())
    this.live?.send(command)
  }

  private outboxChanged(): void {
    const waiting = this.outbox.pending
    this.store.unsaved.value = waiting.length
    const left = waiting.findLastIndex((c) => c.type === 'finish' || c.type === 'discard')
    this.store.leaving.value = left >= 0
    this.store.pending.value = waiting.slice(left + 1).flatMap(asPending)
    this.ports.session.set(`outbox-${this.store.current.value}`, waiting.length ? JSON.stringify(waiting) : '')
  }

  private leftover(image: number): SentCommand[] {
    const text = this.ports.session.get(`outbox-${image}`)
    return text ? (JSON.parse(text) as SentCommand[]) : []
  }

  private classField(): { class?: number } {
    const chosen = this.store.chosenClass.value
    return chosen ? { class: chosen.id } : {}
  }

  /** Whether there is an object in progress, or will be when the commands under way have arrived. */
  private atWork(): boolean {
    const { active, leaving, pending } = this.store
    return (active.value !== null && !leaving.value) || pending.value.length > 0
  }

  private ready(at: Point): boolean {
    const size = this.store.imageSize.value
    return this.store.status.value === 'ready' && size !== null && insideImage(at, size)
  }

  private markerAt(at: Point, positive: boolean): number | null {
    const prompts = this.store.leaving.value ? [] : (this.store.active.value?.prompts ?? [])
    const view = this.store.view.value
    const here = toScreen(view, at)
    for (let i = prompts.length - 1; i >= 0; i--) {
      const prompt = prompts[i]
      if (prompt?.kind !== 'click' || prompt.positive !== positive) continue
      const there = toScreen(view, prompt)
      if (Math.hypot(here.x - there.x, here.y - there.y) <= MARKER_REACH) return i
    }
    return null
  }
}

function asPending(command: SentCommand): Pending[] {
  if (command.type === 'click') {
    return [{ kind: 'click', seq: command.seq, x: command.x, y: command.y, positive: command.positive }]
  }
  if (command.type === 'box') {
    return [{ kind: 'box', seq: command.seq, x0: command.x0, y0: command.y0, x1: command.x1, y1: command.y1 } satisfies Pending & Box]
  }
  return []
}
