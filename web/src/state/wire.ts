/** What travels between client and server: docs/annotator-protocol.md, sections 3 to 6, as types. */

import type { Kind } from './media'
import { checkRuns, readVarints, type RunMask } from './runs'
import type { VolumeInfo } from './slices'

export interface ImageInfo {
  readonly id: number
  readonly name: string
  readonly kind: Kind
  readonly status: 'new' | 'ok' | 'missing' | 'damaged'
  readonly problem: string | null
  readonly width: number | null
  readonly height: number | null
  /** Of an image that is too large for one picture. */
  readonly tiles: TileInfo | null
  readonly rev: number
  readonly finished: number
  readonly in_progress: number
  /** Objects that somebody has accepted or rejected as they are. */
  readonly accepted: number
  readonly rejected: number
  readonly review: Review | null
  readonly reviewer: string
}

/** What somebody thinks of an object or an image as it is. */
export type Review = 'accepted' | 'rejected'

/** A sentence of the server as a key of the catalogues (under `server.`) with its values, which may be such words again. */
export interface Words {
  readonly key: string
  readonly values: Readonly<Record<string, string | number | Words>>
}

/** Who looks at the image, and the object that they work on. */
export interface Person {
  readonly client: string
  readonly name: string
  readonly active: number | null
}

/** Level 0 is the image, each further one half as large, sides rounded up. */
export interface TileInfo {
  readonly side: number
  readonly levels: number
}

export interface ClickPrompt {
  readonly kind: 'click'
  readonly x: number
  readonly y: number
  readonly positive: boolean
}

export interface BoxPrompt {
  readonly kind: 'box'
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

/** A scribble over something or a lasso round it. */
export interface LinePrompt {
  readonly kind: 'scribble' | 'lasso'
  readonly points: readonly (readonly [number, number])[]
  readonly positive: boolean
}

/** A mask that the prompts after it correct; `painted` by a tool while the object was in progress. */
export interface MaskPrompt {
  readonly kind: 'mask'
  readonly painted: boolean
}

export type Prompt = ClickPrompt | BoxPrompt | LinePrompt | MaskPrompt

export interface ObjectInfo {
  readonly id: number
  readonly image: number
  readonly class: number
  readonly colour: string | null
  readonly hidden: boolean
  readonly locked: boolean
  readonly z: number
  readonly state: 'in_progress' | 'finished'
  readonly rev: number
  readonly settled: boolean
  readonly area: number
  readonly box: readonly [number, number, number, number]
  readonly prompts: readonly Prompt[]
  /** Pixels that the model would change as well. */
  readonly ghosts: number
  /** The newest prompt's own change is so large that it is among them. */
  readonly waiting: boolean
  /** Probability from which on pixels belong to the object; null for the model's own. */
  readonly threshold: number | null
  /** An ignore region: its pixels are neither right nor wrong. */
  readonly ignored: boolean
  readonly review: Review | null
  readonly reviewer: string
  readonly note: string
}

export interface ClassInfo {
  readonly id: number
  readonly name: string
  readonly colour: string
  readonly key: number | null
  readonly objects: number
}

export interface History {
  readonly undo: string | null
  readonly redo: string | null
  readonly words?: { readonly undo: Words | null; readonly redo: Words | null }
}

/** A step within reach of undo and redo. */
export interface HistoryEntry {
  readonly action: number
  readonly kind: string
  readonly label: string
  readonly words: Words | null
  readonly at: number
  readonly applied: boolean
  /** Name of the person; empty without one. */
  readonly by: string
}

/** A closed line along pixel edges. */
export type Loop = readonly (readonly [number, number])[]

export interface FormatInfo {
  readonly name: string
  readonly title?: string
  /** Endings of the files that an import of it takes. */
  readonly suffixes?: readonly string[]
  readonly reads?: boolean
  readonly writes?: boolean
  /** The media that it holds. */
  readonly kinds?: readonly Kind[]
  readonly summary: string
}

/** Who gets a pixel that a new object and a finished one both want. */
export type Policy = 'yield' | 'take' | 'overlap'
export const POLICIES: readonly Policy[] = ['yield', 'take', 'overlap']

export interface ProjectInfo {
  readonly name: string
  readonly folder: string
  readonly project: string
  readonly images: number
  readonly start_image: number | null
  readonly formats: readonly FormatInfo[]
  readonly policy: Policy
  /** The media of the project, with the commands that make sense for them. */
  readonly kinds?: readonly KindInfo[]
}

export interface KindInfo {
  readonly name: Kind
  readonly title: string
  readonly commands: readonly string[]
}

export interface ModelState {
  readonly current: string
  readonly state: 'loading' | 'ready' | 'failed'
  readonly problem: string | null
}

export interface ModelInfo {
  readonly name: string
  readonly summary: string
  readonly licence: string
}

/** What the model is not sure of about an object. */
export interface Uncertainty {
  readonly object: number
  readonly rev: number
  /** Of the mask with the truth, if the model's probabilities are right. */
  readonly expected_iou: number
  readonly unsure: RunMask
  /** Where a click would tell most, best first. */
  readonly places: readonly DoubtfulPlace[]
}

export interface DoubtfulPlace {
  readonly x: number
  readonly y: number
  /** Expected number of wrong pixels round it. */
  readonly pixels: number
  readonly inside: boolean
}

export interface KindModels extends ModelState {
  readonly models: readonly ModelInfo[]
}

/** The models of every kind of medium; what stands outside of `kinds` is the first of them. */
export interface Models extends KindModels {
  readonly kinds?: Readonly<Partial<Record<Kind, KindModels>>>
}

/** A training that was begun in the page, and how far it is. */
export interface Lesson {
  /** Of the model that it makes. */
  readonly name: string
  readonly state: 'preparing' | 'training' | 'exporting' | 'done' | 'failed' | 'stopped'
  readonly objects: number
  readonly images: number
  readonly step: number
  readonly steps: number
  readonly samples: number
  readonly samples_per_second: number | null
  readonly seconds_left: number | null
  readonly loss: number | null
  readonly iou: number | null
  /** Mean IoU on photographs that are held out, by `iou@` and the number of clicks; empty without any. */
  readonly first: Readonly<Record<string, number>>
  readonly last: Readonly<Record<string, number>>
  readonly problem: string | null
  readonly words: Words | null
  /** When this was so, in seconds since 1970. */
  readonly at: number
}

export function isTaught(lesson: Lesson | null): boolean {
  return lesson !== null && ['preparing', 'training', 'exporting'].includes(lesson.state)
}

/** What a model can be taught with. */
export interface Training {
  /** Why nothing can be learned on this machine. */
  readonly problem: string | null
  readonly words: Words | null
  readonly objects: number
  readonly images: number
  /** Models to begin with, and the one to begin with usually. */
  readonly starts: readonly string[]
  readonly start: string | null
  /** A name that is free. */
  readonly name: string
  readonly steps: number
  readonly lesson: Lesson | null
}

export interface ExportResult {
  readonly name: string
  readonly folder: string
  readonly files: number
  readonly objects: number
  readonly download: string
  readonly notes: readonly string[]
}

export interface ImportResult {
  readonly images: number
  readonly objects: number
  readonly notes: readonly string[]
}

/** Work on some objects, and how much of imported masks is left of them. */
export interface Numbers {
  readonly objects: number
  readonly finished: number
  readonly clicks: number
  readonly steps: number
  readonly seconds: number
  readonly imported: number
  readonly imported_iou: number | null
}

export interface Statistics {
  readonly pause_seconds: number
  readonly images: { readonly all: number; readonly annotated: number; readonly finished: number }
  readonly total: Numbers
  readonly classes: readonly (Numbers & { readonly id: number; readonly name: string; readonly colour: string })[]
  readonly by_image: readonly (Numbers & { readonly id: number; readonly name: string })[]
}

/** An object as a step left it; `iou` with how it is now. */
export interface ObjectVersion {
  readonly action: number
  readonly kind: string
  readonly label: string
  readonly words: Words | null
  readonly at: number
  readonly area: number
  readonly iou: number
}

export type ObjectPatch = Partial<{ class: number; colour: string | null; hidden: boolean; locked: boolean; z: number; ignored: boolean; review: Review | null; note: string }>
export type ClassPatch = Partial<{ name: string; colour: string; key: number | null }>

export type ShapeName = 'fill_holes' | 'keep_largest' | 'remove_specks' | 'smooth' | 'grow' | 'shrink'
export type CombineName = 'merge' | 'subtract' | 'intersect' | 'exclude'

/** A command without the `seq` and `rev` that the outbox adds. */
export type CommandBody =
  | { type: 'click'; x: number; y: number; positive: boolean; reach?: number; class?: number; t?: number }
  | { type: 'box'; x0: number; y0: number; x1: number; y1: number; class?: number; t?: number }
  | { type: 'scribble' | 'lasso'; points: readonly (readonly [number, number])[]; positive: boolean; class?: number; t?: number }
  | { type: 'paint'; points: readonly (readonly [number, number])[]; radius: number; positive: boolean; class?: number; t?: number }
  | { type: 'polygon'; loops: readonly Loop[]; before?: readonly Loop[]; positive: boolean; class?: number; t?: number }
  | { type: 'wand'; x: number; y: number; tolerance: number; positive: boolean; class?: number; t?: number }
  | { type: 'select'; runs: string; positive: boolean; class?: number; t?: number }
  | { type: 'shape'; operation: ShapeName; amount: number; object?: number }
  | { type: 'split'; line?: readonly (readonly [number, number])[]; object?: number }
  | { type: 'combine'; operation: CombineName; others: readonly number[]; object?: number }
  | { type: 'propagate'; slice: number; direction: 'both' | 'forward' | 'backward'; to?: number }
  | { type: 'stop' }
  | { type: 'next_mask' }
  | { type: 'accept'; x?: number; y?: number }
  | { type: 'threshold' | 'try_threshold'; value: number }
  | { type: 'remove_prompt'; index: number; object?: number }
  | { type: 'finish' | 'discard'; object?: number }
  | { type: 'activate'; object: number | null }
  | { type: 'reopen' | 'delete'; object: number }
  | ({ type: 'patch'; object: number } & ObjectPatch)
  | { type: 'jump'; action: number }
  | { type: 'undo' | 'redo' | 'ping' }

/** A look ahead: not a command, so it is neither numbered with them nor kept. */
export type Name = { type: 'name'; name: string }
export type Look = { type: 'hover'; seq: number; x: number; y: number; positive: boolean; reach?: number } | { type: 'cancel'; seq: number }

export type SentCommand = CommandBody & { seq: number; rev: number }

interface Change {
  readonly rev: number
  readonly objects: readonly ObjectInfo[]
  readonly removed: readonly number[]
  readonly history: History
}

export interface Ready {
  readonly type: 'ready'
  readonly image: ImageInfo
  readonly rev: number
  readonly objects: readonly ObjectInfo[]
  readonly active: number | null
  readonly history: History
  readonly last_seq: number
  readonly model: string
  readonly people?: readonly Person[]
  /** Of volumes. */
  readonly volume?: VolumeInfo
}

export interface Ack extends Change {
  readonly type: 'ack'
  readonly seq: number
  readonly object: number | null
  readonly active: number | null
}

export interface Changed extends Change {
  readonly type: 'changed'
  readonly by: string | null
}

export interface ServerError {
  readonly type: 'error'
  readonly seq: number
  readonly code: string
  readonly message: string
  readonly words?: Words
  readonly rev?: number
}

/** A mask has been carried along the slices of a volume. */
export interface Propagated {
  readonly type: 'propagated'
  readonly object: number
  readonly slices: readonly [number, number]
  readonly count: number
  readonly ended: readonly { readonly slice: number; readonly reason: string; readonly text: string }[]
}

export type ServerMessage =
  | Ready
  | Ack
  | Changed
  | ServerError
  | { readonly type: 'settled'; readonly object: ObjectInfo }
  | { readonly type: 'busy'; readonly object: number | null; readonly stage: string; readonly slice?: number; readonly slices?: number }
  | Propagated
  | { readonly type: 'classes' }
  | { readonly type: 'presence'; readonly people: readonly Person[] }
  | { readonly type: 'image'; readonly image: ImageInfo }
  | { readonly type: 'preparing'; readonly done: number }
  | { readonly type: 'training'; readonly lesson: Lesson | null }
  /** The volume is cut along another plane now. */
  | { readonly type: 'plane' }
  | { readonly type: 'project'; readonly policy: Policy }
  | ({ readonly type: 'model'; readonly kind?: Kind } & ModelState)
  | { readonly type: 'pong'; readonly seq: number }

export interface MaskRecord {
  /** Not the mask, but what the model would change of it as well. */
  readonly ghosts: boolean
  /** What a click would give that is not made yet. */
  readonly preview: boolean
  readonly settled: boolean
  readonly seq: number
  readonly rev: number
  readonly object: number
  readonly mask: RunMask
}

const HEADER_BYTES = 36
const MASK_KIND = 0
const GHOSTS_KIND = 1
const PREVIEW_KIND = 2

/** Mask records that follow one another. Throws RangeError when one is malformed. */
export function parseRecords(buffer: ArrayBuffer): MaskRecord[] {
  const found: MaskRecord[] = []
  for (let at = 0; at < buffer.byteLength;) {
    const { record, end } = recordAt(buffer, at)
    found.push(record)
    at = end
  }
  return found
}

/** One mask record. Throws RangeError when it is malformed. */
export function parseRecord(buffer: ArrayBuffer): MaskRecord {
  return recordAt(buffer, 0).record
}

function recordAt(buffer: ArrayBuffer, start: number): { record: MaskRecord; end: number } {
  const view = new DataView(buffer, start)
  if (view.byteLength < HEADER_BYTES) throw new RangeError(`A mask record has 36 bytes or more, got ${buffer.byteLength}.`)
  if (view.getUint8(0) !== 0x4d || view.getUint8(1) !== 0x31) throw new RangeError("A mask record begins with 'M1'.")
  const kind = view.getUint8(2)
  if (![MASK_KIND, GHOSTS_KIND, PREVIEW_KIND].includes(kind)) throw new RangeError(`Unknown kind of mask record: ${kind}.`)
  const [x0, y0] = [view.getInt32(16, true), view.getInt32(20, true)]
  const box = { x0, y0, x1: x0 + view.getUint32(24, true), y1: y0 + view.getUint32(28, true) }
  const { values, end } = readVarints(new Uint8Array(buffer), start + HEADER_BYTES, view.getUint32(32, true))
  const record = {
    ghosts: kind === GHOSTS_KIND,
    preview: kind === PREVIEW_KIND,
    settled: (view.getUint8(3) & 1) === 1,
    seq: view.getUint32(4, true),
    rev: view.getUint32(8, true),
    object: view.getUint32(12, true),
    mask: checkRuns({ box, runs: values }),
  }
  return { record, end }
}
