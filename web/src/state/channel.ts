/** The line to the server for the open image: what is sent and kept until acknowledged, what comes back and becomes state. */

import { batch } from '@preact/signals-core'
import { describePrompt } from './describe'
import { applied, EMPTY_DOCUMENT, objectOf, opened, settled } from './document'
import { Layers } from './layers'
import { catchUp, follow } from './lessons'
import { announce, toast } from './notices'
import { Outbox } from './outbox'
import { withModel } from './media'
import type { Live, Ports } from './ports'
import type { Box, RunMask } from './runs'
import { layerOf, promptsOn, toTall, type VolumeInfo } from './slices'
import type { Pending, Store } from './store'
import { said, t } from './strings'
import { isTaught, type CommandBody, type Look, type MaskRecord, type Ready, type SentCommand, type ServerMessage } from './wire'

/** Close codes that mean: not with this key, not from this address. */
const SIGNED_OUT = new Set([4401, 4403])

/** Refusals that are no failure: the person asked for what the rules do not allow. */
const NOTES: ReadonlySet<string> = new Set(['protected', 'not_now', 'locked'])
/** Commands whose mask the model makes. */
const ANSWERED: ReadonlySet<string> = new Set(['click', 'box', 'scribble', 'lasso', 'remove_prompt'])

export class Channel {
  private live: Live | null = null
  private outbox = new Outbox()
  /** What was asked for while the image was still opening: it can be numbered only when the server has told the last number. */
  private early: CommandBody[] = []
  /** Called with the answer to a look ahead. */
  onPreview: (seq: number, mask: RunMask) => void = () => undefined
  /** Called with how long a prompt took from the click to its mask. */
  onAnswered: (milliseconds: number) => void = () => undefined
  /** Whole masks of the objects of a volume. */
  private readonly tall = new Map<number, { readonly rev: number; readonly mask: RunMask; readonly ghosts: RunMask | null }>()
  /** When prompts were sent, to tell how long their masks took. */
  private readonly sentAt = new Map<number, number>()

  constructor(private readonly store: Store, private readonly ports: Ports, private readonly client: string) {}

  /** Closes the image that is open and opens another. */
  open(image: number, anew = false): void {
    const { store } = this
    if (store.current.value === image && store.status.value !== 'failed' && !anew) return
    this.live?.close()
    this.sayWhatIsKept()
    this.outbox = new Outbox(anew ? [] : this.leftover('outbox', image)) // what was said of other slices is void
    this.early = anew ? [] : this.leftover('early', image)
    this.sentAt.clear()
    batch(() => {
      store.current.value = image
      store.status.value = 'loading'
      store.problem.value = null
      store.signedOut.value = false
      store.pictureProblem.value = null
      store.document.value = EMPTY_DOCUMENT
      store.layers.value = null
      store.imageSize.value = null
      store.volume.value = store.levels.value = store.carrying.value = null
      this.tall.clear()
      store.selected.value = null
      store.crosshair.value = null
      store.rubber.value = null
      store.busy.value = null
      store.preparing.value = null
      store.preview.value = null
      store.connection.value = 'connecting'
      this.outboxChanged()
    })
    this.ports.session.set('image', String(image))
    this.live = this.ports.connect(image, this.client, {
      message: (message) => batch(() => this.receive(message)),
      records: (records) => batch(() => records.forEach((record) => this.receiveMask(record))),
      connected: (state) => (store.connection.value = state),
      ended: (code) => this.ended(code),
    }, () => store.person.value)
  }

  /**
   * Numbers a command, keeps it until it is acknowledged, and sends it now or as soon as the line is there. Gives its
   * number, null while the image is being opened.
   */
  send(command: CommandBody): number | null {
    const { status } = this.store
    const body = this.placed(command)
    if (status.value === 'loading') this.early.push(body)
    const seq = status.value === 'ready' ? this.dispatch(body) : null
    batch(() => this.outboxChanged())
    return seq
  }

  /** As the server counts: the page's own coordinates are those of the slice that is shown. */
  private placed<C extends CommandBody | Look>(command: C): C {
    const { volume, slice } = this.store
    return volume.value ? toTall(command, slice.value, volume.value.rows) : command
  }

  /** Shows the masks of another slice. */
  showSlice(): void {
    const { layers, volume, slice, pixels } = this.store
    if (!volume.value || !layers.value) return
    for (const [object, { rev, mask, ghosts }] of this.tall) {
      layers.value.setMask(object, rev, layerOf(mask, slice.value, volume.value.rows))
      if (ghosts) layers.value.setGhosts(object, layerOf(ghosts, slice.value, volume.value.rows))
    }
    pixels.value++
  }

  private dispatch(body: CommandBody): number {
    const command = this.outbox.add(body, this.store.document.value.rev)
    if (ANSWERED.has(body.type)) this.sentAt.set(command.seq, this.ports.now())
    this.live?.send(command)
    return command.seq
  }

  /** Lets the others know who works here. */
  sayWho(): void {
    this.live?.send({ type: 'name', name: this.store.person.value })
  }

  /** Asks what a click would give; never kept, never sent again. */
  look(look: Look): void {
    if (this.store.status.value === 'ready') this.live?.send(this.placed(look))
  }

  private outboxChanged(): void {
    const waiting = [...this.outbox.pending, ...this.early.map((body) => ({ ...body, seq: 0, rev: 0 }) as SentCommand)]
    this.store.unsaved.value = waiting.length
    const left = waiting.findLastIndex((c) => c.type === 'finish' || c.type === 'discard')
    this.store.leaving.value = left >= 0
    const pending = waiting.slice(left + 1).flatMap(asPending)
    const { volume, slice } = this.store
    this.store.pending.value = volume.value ? promptsOn(pending, slice.value, volume.value.rows) : pending
    this.keep('outbox', this.outbox.pending)
    this.keep('early', this.early)
  }

  private keep(name: string, commands: readonly CommandBody[]): void {
    this.ports.session.set(`${name}-${this.store.current.value}`, commands.length ? JSON.stringify(commands) : '')
  }

  private leftover<T extends CommandBody>(name: string, image: number): T[] {
    const text = this.ports.session.get(`${name}-${image}`)
    return text ? (JSON.parse(text) as T[]) : []
  }

  /** The image that is left has not been able to take everything: it does so when it is opened again. */
  private sayWhatIsKept(): void {
    const count = this.early.length
    if (count > 0) toast(this.store, 'note', t('say.kept', { count, name: this.store.currentImage.value?.name ?? '' }))
  }

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
        return this.refused(message.seq, message.code, said(message.message, message.words))
      case 'busy':
        store.busy.value = message.stage === 'idle' ? null : message.stage
        store.carrying.value = message.stage === 'propagating' ? { slice: message.slice ?? 0, slices: message.slices ?? 0 } : null
        return
      case 'plane':
        return this.openAnew()
      case 'preparing':
        store.preparing.value = message.done < 1 ? message.done : null
        store.tileNews.value++
        return
      case 'propagated':
        announce(store, t('volume.carried', { count: message.count, first: message.slices[0] + 1, last: message.slices[1] + 1 }))
        return toast(store, 'note', t('volume.carried', { count: message.count, first: message.slices[0] + 1, last: message.slices[1] + 1 }))
      case 'training':
        return follow(store, this.ports.rest, message.lesson)
      case 'classes':
        void this.reloadClasses()
        return
      case 'project':
        if (store.project.value) store.project.value = { ...store.project.value, policy: message.policy }
        return
      case 'presence':
        store.people.value = message.people
        return
      case 'image':
        store.images.value = store.images.value.map((i) => (i.id === message.image.id ? message.image : i))
        return
      case 'model':
        if (store.models.value) store.models.value = withModel(store.models.value, message)
        return
      case 'pong':
        this.outbox.settle(message.seq)
        this.outboxChanged()
    }
  }

  private begin(message: Ready): void {
    const { store } = this
    const { volume } = message
    const size = volume ? { width: volume.columns, height: volume.rows } : { width: message.image.width ?? 0, height: message.image.height ?? 0 }
    if (volume) this.beginVolume(volume, message.image.id)
    // After a reconnection the layers are made anew: what the server sends now is the truth.
    // Of a large image nothing is painted until the stage knows what is seen.
    store.layers.value = new Layers(size, message.image.tiles ? { x0: 0, y0: 0, step: 1, columns: 1, rows: 1 } : undefined)
    store.people.value = message.people ?? []
    if (isTaught(store.lesson.value)) void catchUp(store, this.ports.rest).catch(() => undefined) // what was told while nobody listened
    if (store.imageSize.value?.width !== size.width || store.imageSize.value.height !== size.height) store.imageSize.value = size
    store.images.value = store.images.value.map((i) => (i.id === message.image.id ? message.image : i))
    this.show(opened(message))
    for (const command of this.outbox.resume(message.last_seq)) this.live?.send(command)
    for (const body of this.early.splice(0)) this.dispatch(body)
    this.outboxChanged()
    store.status.value = 'ready'
    store.problem.value = null
  }

  /** The image from its beginning: what was known of its slices holds no more. */
  private openAnew(): void {
    const image = this.store.current.value
    if (image === null) return
    this.ports.session.set(`slice-${image}`, '')
    this.open(image, true)
  }

  private beginVolume(volume: VolumeInfo, image: number): void {
    const { store } = this
    if (store.volume.value) return void (store.volume.value = volume) // a reconnection: the person stays where they are
    const kept = Number(this.ports.session.get(`slice-${image}`) ?? NaN)
    store.slice.value = Number.isInteger(kept) && kept >= 0 && kept < volume.slices ? kept : Math.floor(volume.slices / 2)
    store.volume.value = volume
  }

  /** A mask record of a volume is kept whole; the layers get the part on the slice that is shown. */
  private onSlice(record: MaskRecord): MaskRecord {
    const { volume, slice } = this.store
    if (!volume.value) return record
    const known = this.tall.get(record.object)
    if (record.ghosts && known) this.tall.set(record.object, { ...known, ghosts: record.mask })
    else if (!record.ghosts && !record.preview && (!known || record.rev >= known.rev)) {
      this.tall.set(record.object, { rev: record.rev, mask: record.mask, ghosts: null })
    }
    return { ...record, mask: layerOf(record.mask, slice.value, volume.value.rows) }
  }

  private receiveMask(given: MaskRecord): void {
    const { store } = this
    const record = this.onSlice(given)
    if (record.preview) return this.onPreview(record.seq, record.mask)
    if (record.ghosts) {
      store.layers.value?.setGhosts(record.object, record.mask)
      store.pixels.value++
      return
    }
    if (!store.layers.value?.setMask(record.object, record.rev, record.mask, record.seq)) return
    store.pixels.value++
    const sent = this.sentAt.get(record.seq)
    if (sent !== undefined) {
      store.latency.value = this.ports.now() - sent
      this.onAnswered(store.latency.value)
      for (const seq of this.sentAt.keys()) if (seq <= record.seq) this.sentAt.delete(seq)
    }
    const object = objectOf(store.document.value, record.object)
    if (!object || !record.settled || record.seq === 0) return
    announce(store, describePrompt(object, store.classes.value, store.kind.value, record.mask, t(`status.${store.saved.value}`, { count: store.unsaved.value }).toLowerCase()))
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
    const [accepted, rejected] = (['accepted', 'rejected'] as const).map((review) => document.objects.filter((o) => o.review === review).length) as [number, number]
    const image = currentImage.value
    const counts = { finished, in_progress, accepted, rejected }
    if (!image || Object.entries(counts).every(([name, count]) => image[name as keyof typeof counts] === count)) return
    images.value = images.value.map((i) => (i === image ? { ...image, ...counts } : i))
  }

  private refused(seq: number, code: string, message: string): void {
    this.sentAt.delete(seq)
    this.store.layers.value?.forgetStrokes((stroke) => stroke.seq === seq)
    this.store.pixels.value++
    if (seq > 0 && this.outbox.settle(seq)) this.outboxChanged()
    if (seq === 0 && this.store.status.value === 'loading') this.store.problem.value = message
    else if (code === 'no_change') announce(this.store, message)
    else toast(this.store, NOTES.has(code) ? 'note' : 'error', message)
  }

  private ended(code: number): void {
    const { store } = this
    store.status.value = 'failed'
    store.signedOut.value = SIGNED_OUT.has(code)
    store.problem.value ??= store.signedOut.value ? t('canvas.signedOutHelp') : t('closed.other', { code })
  }

  async reloadClasses(): Promise<void> {
    try {
      this.store.classes.value = await this.ports.rest.classes()
      this.store.pixels.value++
    } catch (error) {
      toast(this.store, 'error', error instanceof Error ? error.message : String(error))
    }
  }
}

function asPending(command: SentCommand): Pending[] {
  if (command.type === 'click') {
    return [{ kind: 'click', seq: command.seq, x: command.x, y: command.y, positive: command.positive }]
  }
  if (command.type === 'box') {
    return [{ kind: 'box', seq: command.seq, x0: command.x0, y0: command.y0, x1: command.x1, y1: command.y1 } satisfies Pending & Box]
  }
  if (command.type === 'scribble' || command.type === 'lasso') {
    return [{ kind: command.type, seq: command.seq, points: command.points, positive: command.positive }]
  }
  return []
}
