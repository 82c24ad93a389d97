/** Wires the parts together and starts. */

import { effect } from '@preact/signals'
import { render } from 'preact'
import { LiveConnection, liveUrl } from './api/live'
import { rest } from './api/rest'
import { Stage } from './canvas/stage'
import { onlyClient } from './client'
import { cloudActions } from './cloud/actions'
import { mountCloud, type MountedCloud } from './cloud/mount'
import { createCloudState } from './cloud/state'
import { exposeForTests } from './probe'
import { Annotator } from './state/annotator'
import { followHints } from './state/hints'
import { catchUp } from './state/lessons'
import { toast } from './state/notices'
import { Refusal, type Keep, type Ports } from './state/ports'
import { isOffered } from './state/media'
import { rememberCloud, rememberSettings } from './state/settings'
import { createStore } from './state/store'
import { language, t } from './state/strings'
import { makeActions } from './tools/actions'
import { KeyboardTool } from './tools/keyboard'
import { PointerTool } from './tools/pointer'
import { PolygonTool } from './tools/polygon'
import { PhotoViewer, type Viewer } from './tools/viewer'
import { App } from './ui/App'
import { AppContext, type AppParts } from './ui/app'
import './styles/index.css'

const keep = (storage: Storage): Keep => ({
  get: (name) => storage.getItem(`clickmask-${name}`),
  set: (name, value) => (value ? storage.setItem(`clickmask-${name}`, value) : storage.removeItem(`clickmask-${name}`)),
})

const ports: Ports = {
  rest,
  connect: (image, client, handlers, name) => new LiveConnection(liveUrl(image, location.origin), client, handlers, undefined, name),
  lasting: keep(localStorage),
  session: keep(sessionStorage),
  languages: navigator.languages,
  now: () => performance.now(),
}

const RETRY_MS = 2000

async function main(): Promise<void> {
  const store = createStore()
  const annotator = new Annotator(store, ports, await onlyClient(ports.session))
  const cloud = createCloudState()
  rememberSettings(store, ports)
  rememberCloud(cloud, ports)
  watch()
  noteInput()

  let stage: Stage | null = null
  let keyboard: KeyboardTool | null = null
  let mounted: MountedCloud | null = null
  const photoViewer = new PhotoViewer(store, annotator)
  const viewer = (): Viewer => (store.kind.value === 'cloud' && mounted ? mounted.viewer : photoViewer)
  const flat = annotator.apart
  annotator.apart = (a, b) => (store.kind.value === 'cloud' && mounted ? mounted.viewer.apart(a, b) : flat(a, b))

  const parts: AppParts = {
    store, annotator, cloud, rest,
    run: (command) => keyboard?.run(command),
    mountStage(base, overlay) {
      stage = new Stage(store, base, overlay)
      const pointer = new PointerTool(store, annotator, new PolygonTool(store, annotator, rest), overlay)
      const actions = makeActions(store, annotator, viewer, cloudActions(store, cloud, () => mounted?.viewer ?? null, takeLabels))
      keyboard = new KeyboardTool(store, annotator, actions, () => ({
        pointer: store.kind.value === 'cloud' && mounted ? mounted.pointer : pointer, viewer: viewer(),
      }))
      exposeForTests(store, stage, cloud, () => mounted)
      return () => stage?.dispose()
    },
    mountCloud(base, overlay) {
      mounted = mountCloud(store, cloud, annotator, ports, base, overlay)
      return () => mounted?.stage.dispose()
    },
    retry: () => void start(),
    async attempt(work) {
      try {
        return await work()
      } catch (error) {
        toast(store, 'error', error instanceof Error ? error.message : String(error))
        return undefined
      }
    },
  }

  render(
    <AppContext.Provider value={parts}><App slow={() => stage?.renderer.kind === 'canvas2d'} /></AppContext.Provider>,
    document.getElementById('app') as HTMLElement,
  )
  await start()

  async function start(): Promise<void> {
    try {
      const [project, images, classes, models] = await Promise.all([rest.project(), rest.images(), rest.classes(), rest.models()])
      store.project.value = project
      store.images.value = images
      store.classes.value = classes
      store.models.value = models
      void parts.attempt(() => catchUp(store, rest))
      openFirst()
    } catch (error) {
      unreachable(error)
    }
  }

  function openFirst(): void {
    const ids = store.images.value.map((i) => i.id)
    const wanted = [Number(ports.session.get('image')), store.project.value?.start_image, ids[0]]
    const first = wanted.find((id) => id != null && ids.includes(id))
    if (first == null) store.status.value = 'empty'
    else annotator.open(first)
  }

  function unreachable(error: unknown): void {
    store.status.value = 'failed'
    const unauthorised = error instanceof Refusal && error.code === 'unauthorised'
    store.signedOut.value = unauthorised
    store.problem.value = unauthorised ? t('canvas.signedOutHelp') : error instanceof Refusal ? error.message : t('canvas.unreachableHelp')
    if (!unauthorised) setTimeout(() => store.status.value === 'failed' && store.current.value === null && void start(), RETRY_MS)
  }

  /** Objects from the labels that the file of the open cloud holds. */
  function takeLabels(): void {
    const image = store.current.value
    if (image !== null) void parts.attempt(() => rest.takeLabels(image))
  }

  /** What the rest of the page follows: theme, language, title; and the class that outlives a reload. */
  function watch(): void {
    const root = document.documentElement
    store.stickyClass.value = Number(ports.session.get('class')) || null
    effect(() => {
      root.dataset['theme'] = store.theme.value
      root.dataset['motion'] = store.motion.value
      root.dataset['marks'] = store.marks.value
      root.lang = language.value
      root.style.setProperty('--ui-scale', String(store.uiScale.value))
    })
    // A tool that the medium does not have is put down.
    effect(() => {
      if (!isOffered(`tool-${store.tool.value}`, store.kind.value, store.project.value?.kinds)) store.tool.value = 'click'
    })
    followHints(store)
    window.addEventListener('beforeunload', (event) => {
      if (store.unsaved.value > 0) event.preventDefault()
    })
    effect(() => {
      const name = store.currentImage.value?.name
      document.title = name ? `${name} · clickmask` : 'clickmask'
    })
  }
}

/**
 * Focus rings on the canvas are for people at the keyboard. A button that was pressed with the mouse gives the focus back to
 * the picture, so that Enter finishes the object and does not press the button again.
 */
function noteInput(): void {
  const root = document.documentElement
  window.addEventListener('pointerdown', () => (root.dataset['input'] = 'pointer'), true)
  window.addEventListener('keydown', (event) => event.key === 'Tab' && (root.dataset['input'] = 'keyboard'), true)
  window.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('.rail button, .float button') : null
    if (event.detail > 0 && button && !button.closest('.menu-root')) document.querySelector<HTMLElement>('canvas.surface')?.focus({ preventScroll: true })
  })
}

void main()
