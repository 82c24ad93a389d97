/** What the state needs from the world outside; the real ones are in api/, tests bring their own. */

import type { Plane, Window } from './slices'
import type { RunMask } from './runs'
import { said } from './strings'
import type {
  ClassInfo, ClassPatch, ExportResult, HistoryEntry, ImageInfo, ImportResult, Loop, Look, MaskRecord, Models, Name, ObjectVersion, Policy, ProjectInfo, Review,
  SentCommand, ServerMessage, Statistics, Training, Uncertainty, Words,
} from './wire'

export interface Rest {
  project(): Promise<ProjectInfo>
  setPolicy(policy: Policy): Promise<{ policy: Policy }>
  history(image: number): Promise<readonly HistoryEntry[]>
  /** The outline of an object, simplified by so many pixels. */
  outline(object: number, tolerance: number): Promise<readonly Loop[]>
  uncertainty(object: number): Promise<Uncertainty>
  scan(): Promise<readonly ImageInfo[]>
  judgeImage(image: number, review: Review | null, by: string): Promise<ImageInfo>
  images(): Promise<readonly ImageInfo[]>
  classes(): Promise<readonly ClassInfo[]>
  addClass(name: string, colour?: string, key?: number | null): Promise<ClassInfo>
  patchClass(id: number, patch: ClassPatch): Promise<ClassInfo>
  deleteClass(id: number): Promise<void>
  models(): Promise<Models>
  useModel(name: string): Promise<Models>
  exportAs(format: string, images: readonly number[] | null, options: Readonly<Record<string, string>>): Promise<ExportResult>
  /** What a model can be taught with, and how the training is that was begun last. */
  training(): Promise<Training>
  teach(name: string, start: string, steps: number): Promise<Training>
  stopTeaching(): Promise<Training>
  statistics(): Promise<Statistics>
  versions(object: number): Promise<readonly ObjectVersion[]>
  versionMask(object: number, action: number): Promise<RunMask>
  /** Makes finished objects of the labels in the file of a cloud. */
  takeLabels(image: number): Promise<unknown>
  /** A volume without objects is worked on in this plane from now on. */
  cut(image: number, plane: Plane): Promise<unknown>
  /** The model looks at a volume through this window from now on. */
  look(image: number, levels: Window): Promise<unknown>
  importFrom(file: Blob, filename: string, format: string, image: number | null): Promise<ImportResult>
}

export interface LiveHandlers {
  message(message: ServerMessage): void
  /** One or more, in the order in which they were sent. */
  records(records: readonly MaskRecord[]): void
  connected(state: 'connecting' | 'open' | 'lost'): void
  /** The connection is over for good; `code` is the close code. */
  ended(code: number): void
}

export interface Live {
  send(command: SentCommand | Look | Name): void
  close(): void
}

export interface Keep {
  get(name: string): string | null
  set(name: string, value: string): void
}

export interface Ports {
  readonly rest: Rest
  /** `name` tells who works in this window when the line is opened. */
  connect(image: number, client: string, handlers: LiveHandlers, name: () => string): Live
  /** Remembered across visits. */
  readonly lasting: Keep
  /** Remembered while the tab is open. */
  readonly session: Keep
  /** Languages that the person reads, best first, as BCP 47 tags. */
  readonly languages: readonly string[]
  /** Milliseconds, monotonic. */
  now(): number
}

/** A refusal by the server, in the language in use. */
export class Refusal extends Error {
  constructor(readonly code: string, message: string, words?: Words) {
    super(said(message, words))
  }
}
