/** Everything the page shows, as signals. Plain values and derived values; nothing here talks to anyone. */

import { computed, signal } from '@preact/signals-core'
import { EMPTY_DOCUMENT, objectOf } from './document'
import type { Armed } from './gesture'
import { DEFAULT_KEYS, resolve, type KeySettings } from './keymap'
import type { Layers } from './layers'
import { promptsOn, type VolumeInfo, type Window } from './slices'
import type { Kind } from './media'
import { colourOf } from './styles'
import type { Box, RunMask } from './runs'
import type { Language } from './strings'
import type { Point, Size, View } from './view'
import type { Hint } from './hints'
import { imagePasses } from './review'
import type { ClassInfo, ClickPrompt, CombineName, ImageInfo, Lesson, LinePrompt, Models, Person, ProjectInfo, Uncertainty } from './wire'

/** A line under way: a prompt, or the cut through an object. */
export type DrawnLine = Omit<LinePrompt, 'kind'> & { readonly kind: LinePrompt['kind'] | 'cut' }

export interface Corners {
  readonly object: number
  /** Revision of the object that the loops belong to. */
  readonly rev: number
  readonly loops: readonly (readonly Point[])[]
}

export type Theme = 'system' | 'light' | 'dark'
/** `system` follows the browser. */
export type LanguageChoice = Language | 'system'
export type Motion = 'system' | 'less'
/** Colours of the markers: the usual ones, or two that nobody confuses. */
export type Marks = 'green-red' | 'blue-orange'
/** Whether the mask is shown before the click. */
export type Hover = 'auto' | 'off'
/** What the wheel does without Ctrl. */
export type Wheel = 'zoom' | 'scroll'
export type Panel = 'help' | 'settings' | 'palette' | 'statistics' | 'teach' | 'compare' | 'export' | 'import' | null

/** A click or box that the server has not acknowledged: drawn at once. */
export type Pending =
  | (ClickPrompt & { readonly seq: number })
  | ({ readonly kind: 'box'; readonly seq: number } & Box)
  | (LinePrompt & { readonly seq: number })

export interface Preview {
  readonly seq: number
  readonly at: Point
  readonly positive: boolean
  /** How far the model was to look, see `reachOf`. */
  readonly reach?: number
  /** Revision of the image at the time of asking. */
  readonly rev: number
  readonly mask: RunMask | null
}

/** What the model is not sure of, with the place that is looked at. */
export interface Doubts extends Uncertainty {
  readonly at: number
  /** The crosshair is at that place. */
  readonly reached: boolean
}

/** Which images or objects the lists show. */
export type Filter = 'all' | 'todo' | 'progress' | 'review' | 'accepted' | 'rejected'
export const FILTERS: readonly Filter[] = ['all', 'todo', 'progress', 'review', 'accepted', 'rejected']

export interface Toast {
  readonly id: number
  readonly tone: 'error' | 'note'
  readonly text: string
}

export function createStore() {
  const document = signal(EMPTY_DOCUMENT)
  const classes = signal<readonly ClassInfo[]>([])
  const images = signal<readonly ImageInfo[]>([])
  const current = signal<number | null>(null)
  const selected = signal<number | null>(null)
  const stickyClass = signal<number | null>(null)
  const unsaved = signal(0)
  /** The object in progress is being finished or thrown away: what comes next is about a new one. */
  const leaving = signal(false)
  const connection = signal<'connecting' | 'open' | 'lost'>('connecting')
  const imageFilter = signal<Filter>('all')
  const doubts = signal<Doubts | null>(null)
  const keys = signal<KeySettings>(DEFAULT_KEYS)

  const currentImage = computed(() => images.value.find((i) => i.id === current.value) ?? null)
  const volume = signal<VolumeInfo | null>(null)
  const slice = signal(0)
  const active = computed(() => objectOf(document.value, document.value.active))
  const chosenClass = computed(() => {
    const wanted = (leaving.value ? null : active.value?.class) ?? stickyClass.value
    return classes.value.find((c) => c.id === wanted) ?? classes.value[0] ?? null
  })

  return {
    project: signal<ProjectInfo | null>(null),
    images, current, classes, document, selected, stickyClass, unsaved, leaving, connection,
    models: signal<Models | null>(null),
    /** The training that was begun last. */
    lesson: signal<Lesson | null>(null),
    /** Whether the open image can be worked on; `problem` says why not. */
    status: signal<'empty' | 'loading' | 'ready' | 'failed'>('loading'),
    problem: signal<string | null>(null),
    /** The server does not know this page any more. */
    signedOut: signal(false),
    /** Why the browser cannot show the picture of an image that the server can read. */
    pictureProblem: signal<string | null>(null),
    imageSize: signal<Size | null>(null),
    layers: signal<Layers | null>(null),
    /** The volume that is open, the slice of it that is shown, and through which window; null for the usual one. */
    volume,
    slice,
    levels: signal<Window | null>(null),
    /** How far a mask has been carried. */
    carrying: signal<{ readonly slice: number; readonly slices: number } | null>(null),
    /** The prompts of the object in progress as they lie on the picture that is shown. */
    prompts: computed(() => {
      const found = active.value?.prompts ?? []
      return volume.value ? promptsOn(found, slice.value, volume.value.rows) : found
    }),
    /** Counts up whenever pixels of the layers have changed. */
    pixels: signal(0),
    pending: signal<readonly Pending[]>([]),
    busy: signal<string | null>(null),
    /** Counts up whenever tiles may be there that were not before. */
    tileNews: signal(0),
    /** How much of a large image is prepared, 0 to 1; null when all of it is there. */
    preparing: signal<number | null>(null),
    /** What the click would give that the pointer is at; `mask` null until the answer is there. */
    preview: signal<Preview | null>(null),
    /** The person wants to see what the model is not sure of. */
    doubting: signal(false),
    /** The answer to that; null until it is there. */
    doubts,
    /** A place to click is proposed, and Enter goes there. */
    proposed: computed(() => doubts.value !== null && doubts.value.places.length > 0 && !doubts.value.reached),
    hover: signal<Hover>('auto'),
    /** Whether the model is quick enough for looking ahead. */
    lookahead: signal<'on' | 'slow'>('on'),
    /** Who works in this window; told to the others and kept with judgements. */
    person: signal(''),
    /** Those who look at the image, this window among them. */
    people: signal<readonly Person[]>([]),
    /** By which the server knows this window. */
    client: signal(''),
    imageFilter,
    objectFilter: signal<Filter>('all'),
    /** The images that the strip shows and that next and previous go through; the open one is always among them. */
    shownImages: computed(() => images.value.filter((i) => i.id === current.value || imagePasses(i, imageFilter.value))),
    /** Milliseconds from the newest click to its mask. */
    latency: signal<number | null>(null),

    tool: signal<Armed>('click'),
    view: signal<View>({ scale: 1, left: 0, top: 0 }),
    canvas: signal<Size>({ width: 0, height: 0 }),
    pointer: signal<Point | null>(null),
    /** In image points; in a point cloud, in CSS pixels of the canvas. */
    crosshair: signal<Point | null>(null),
    rubber: signal<Box | null>(null),
    panning: signal(false),
    /** The scribble or lasso that is being drawn. */
    line: signal<DrawnLine | null>(null),
    /** In image pixels. */
    brushRadius: signal(8),
    /** Largest difference per colour channel that the wand goes over. */
    tolerance: signal(24),
    /** Pixels by which shapes are grown, shrunk and smoothed. */
    amount: signal(2),
    /** Corners of the polygon that is being drawn, in image points. */
    polygon: signal<readonly Point[] | null>(null),
    /** The outline of the active object while its corners can be moved. */
    corners: signal<Corners | null>(null),
    /** The next click names the other object of this operation. */
    picking: signal<{ readonly operation: CombineName; readonly object: number } | null>(null),
    /** The masks are shown white on black. */
    matte: signal(false),
    /** The pixels round the pointer are shown large. */
    loupe: signal(false),

    opacity: signal(0.45),
    masksShown: signal(true),
    peeking: signal(false),
    theme: signal<Theme>('system'),
    language: signal<LanguageChoice>('system'),
    motion: signal<Motion>('system'),
    wheel: signal<Wheel>('zoom'),
    marks: signal<Marks>('green-red'),
    uiScale: signal(1),
    keys,
    keyMap: computed(() => resolve(keys.value)),
    /** Characters without Ctrl or Alt are shortcuts. */
    singleKeys: signal(true),
    /** What a plain click or tap means. */
    sign: signal<'positive' | 'negative'>('positive'),
    panel: signal<Panel>(null),
    stripShown: signal(true),
    sideShown: signal(true),
    historyShown: signal(true),
    /** The hint that is shown to a newcomer; see state/hints.ts. */
    hint: signal<Hint | null>('begin'),
    toasts: signal<readonly Toast[]>([]),
    /** For people who listen: said politely by a live region. */
    announcement: signal(''),

    currentImage,
    /** What kind of medium is open. */
    kind: computed<Kind>(() => currentImage.value?.kind ?? 'photo'),
    active,
    chosenClass,
    selectedObject: computed(() => objectOf(document.value, selected.value)),
    activeColour: computed(() => (active.value ? colourOf(active.value, classes.value) : (chosenClass.value?.colour ?? '#56b4e9'))),
    saved: computed(() => (unsaved.value > 0 ? (connection.value === 'lost' ? 'waiting' : 'saving') : 'saved') as 'waiting' | 'saving' | 'saved'),
  }
}

export type Store = ReturnType<typeof createStore>
