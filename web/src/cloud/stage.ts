/** Keeps the two canvases of a cloud true to the state: few points while the camera moves, all of them when it rests. */

import { batch, effect } from '@preact/signals-core'
import { toast } from '../state/notices'
import { EMPTY_MASK } from '../state/runs'
import { parseHex } from '../state/palette'
import type { Keep } from '../state/ports'
import type { Store } from '../state/store'
import { number, t } from '../state/strings'
import { styleTable } from '../state/styles'
import type { Point } from '../state/view'
import { axes, between, fitted, type Camera } from './camera'
import { CanvasCloudRenderer, SAMPLE } from './canvas2d'
import { paintPoints } from './colours'
import { frontHit } from './hits'
import { loadScan } from './loader'
import { Marks } from './marks'
import { drawCloudOverlay } from './overlay'
import { Pace } from './pace'
import { depthRange, type CloudRenderer, type CloudScene } from './renderer'
import { factsOf, type CloudState } from './state'
import type { Scan } from './scan'
import { firstLook, readCamera } from './views'
import { dot, minus, type Vec3 } from './vector'
import { WebGlCloudRenderer } from './webgl'

const FLIGHT_MS = 240
/** After the last movement the camera rests. */
const REST_MS = 140
const LONGEST_REST_MS = 700
/** At rest a frame may take longer. */
const RESTING_CHUNK = 200_000
/** A picture that takes longer to fill is shown before it is complete. */
const PATIENCE_MS = 350
const KEEP_MS = 400
/** How far beside its point a click may land, CSS pixels. */
export const REACH = 8
const DIMMED = 0.3
const MATTE = 0.94
const LIGHTING = 26
const UNEVEN = 1.4

export class CloudStage {
  renderer: CloudRenderer
  /** The point about which the camera turns, while it does. */
  pivot: Vec3 | null = null
  private readonly stops: (() => void)[] = []
  private readonly pace: Pace
  private marks: Marks | null = null
  private colours = new Uint8Array(0)
  private loading = new AbortController()
  private image: number | null = null
  private frame = 0
  private ratio = 1
  private stale = true
  private drawn = 0
  private begunAt = 0
  private moving = false
  private resting: ReturnType<typeof setTimeout> | undefined
  private keeping: ReturnType<typeof setTimeout> | undefined
  private keepNow: (() => void) | null = null
  private saidFlat = false
  private flight: { readonly from: Camera; readonly to: Camera; readonly since: number } | null = null

  constructor(
    private readonly store: Store, private readonly cloud: CloudState, private readonly base: HTMLCanvasElement,
    private readonly overlay: HTMLCanvasElement, private readonly keep: Keep,
  ) {
    this.renderer = WebGlCloudRenderer.create(base) ?? CanvasCloudRenderer.create(base)
    cloud.renderer.value = this.renderer.kind
    this.pace = new Pace(this.renderer.budget)
    const observer = new ResizeObserver(() => this.resize())
    observer.observe(base)
    this.stops.push(
      () => observer.disconnect(),
      effect(() => this.follow(store.kind.value === 'cloud' ? store.current.value : null)),
      effect(() => this.recolour()),
      effect(() => this.restyle()),
      effect(() => this.remark()),
      effect(() => this.watchPicture()),
      effect(() => this.watchOverlay()),
    )
    this.resize()
    window.addEventListener('pagehide', this.flush)
    base.addEventListener('webglcontextlost', (event) => event.preventDefault())
    base.addEventListener('webglcontextrestored', () => this.restore())
  }

  /** Whether all points of the open cloud are here and drawn. */
  get complete(): boolean {
    const { scan, arrived } = this.cloud
    return scan.value !== null && arrived.value === scan.value.plan.shown && !this.stale && this.drawn >= this.wanted()
  }

  dispose(): void {
    this.loading.abort()
    window.removeEventListener('pagehide', this.flush)
    this.flush()
    for (const stop of this.stops) stop()
    cancelAnimationFrame(this.frame)
    this.renderer.dispose()
  }

  /** The point under a place of the canvas, else the nearest one within reach, in the drawn order. */
  pick(at: Point, reach = REACH): number | null {
    this.fill()
    const [scan, camera] = [this.cloud.scan.value, this.cloud.camera.value]
    if (!scan || !camera) return null
    const { forward } = axes(camera)
    return frontHit(this.renderer.hits(at.x, at.y, reach), (point) => dot(minus(scan.shown(point), camera.eye), forward))
  }

  /** What is drawn now: for a place of the canvas the number of its point plus one, 0 for none. */
  picture(): (x: number, y: number) => number {
    this.fill()
    const { width, height } = this.cloud.canvas.value
    const radius = Math.ceil(Math.max(width, height) / 2)
    const { side, points } = this.renderer.hits(width / 2, height / 2, radius)
    const scale = (side - 1) / 2 / radius
    const middle = (side - 1) / 2
    return (x, y) => {
      const [column, row] = [Math.round(middle + (x - width / 2) * scale), Math.round(middle + (y - height / 2) * scale)]
      return column < 0 || row < 0 || column >= side || row >= side ? 0 : (points[row * side + column] as number)
    }
  }

  /** Slot and flags of a drawn point (marks.ts). */
  markOf(index: number): number {
    return this.marks?.drawn[index] ?? 0
  }

  /** The camera that looks as now and has these points (coordinates one after another) on the whole canvas. */
  fittedTo(points: Float32Array): Camera {
    const { yaw, pitch } = this.cloud.camera.value ?? { yaw: 0, pitch: 0 }
    return fitted(points, this.cloud.canvas.value, { yaw, pitch })
  }

  /** Moves the camera at once, as a hand does. */
  move(camera: Camera): void {
    this.flight = null
    this.moving = true
    this.cloud.camera.value = camera
    clearTimeout(this.resting)
    // Where frames are slow, so are the events that a drag consists of.
    this.resting = setTimeout(() => this.rest(), Math.max(REST_MS, Math.min(2 * this.pace.took, LONGEST_REST_MS)))
  }

  /** Moves the camera there in a moment that the eye can follow. */
  fly(to: Camera): void {
    const from = this.cloud.camera.value
    const still = this.store.motion.value === 'less' || window.matchMedia('(prefers-reduced-motion: reduce)').matches
    if (!from || still) return this.move(to)
    this.flight = { from, to, since: performance.now() }
    this.redraw()
  }

  /** Everything in sight from a direction. */
  fit(direction: Pick<Camera, 'yaw' | 'pitch'>): void {
    const { facts } = this.cloud
    if (facts.value) this.fly(fitted(facts.value.sample, this.cloud.canvas.value, direction))
  }

  // ---- the cloud

  private follow(image: number | null): void {
    this.loading.abort()
    this.loading = new AbortController()
    this.image = image
    this.marks = null
    this.flight = null
    this.renderer.clear()
    batch(() => {
      const { cloud } = this
      cloud.scan.value = cloud.facts.value = cloud.camera.value = cloud.clip.value = cloud.pointed.value = null
      cloud.arrived.value = cloud.drawn.value = 0
    })
    this.change()
    if (image !== null) void this.load(image, this.loading.signal)
  }

  private async load(image: number, signal: AbortSignal): Promise<void> {
    try {
      await loadScan(image, {
        begun: (scan) => this.hold(scan),
        arrived: (from, to) => batch(() => this.take(image, from, to)),
      }, signal)
    } catch (error) {
      if (signal.aborted) return
      this.store.pictureProblem.value = error instanceof Error ? error.message : String(error)
    }
  }

  private hold(scan: Scan): void {
    this.renderer.hold(scan)
    this.colours = new Uint8Array(scan.plan.shown * 4)
    this.marks = new Marks(scan)
    this.cloud.scan.value = scan
    // Said once a page: from then on the bar at the bottom says 2D.
    if (this.renderer.kind === 'canvas2d' && !this.saidFlat) toast(this.store, 'note', t('canvas.noWebGl', { count: number(Math.min(SAMPLE, scan.plan.shown)) }))
    this.saidFlat = true
  }

  private take(image: number, from: number, to: number): void {
    const { cloud } = this
    const scan = cloud.scan.value as Scan
    this.renderer.append(from, to)
    if (cloud.facts.value === null) {
      cloud.facts.value = factsOf(scan)
      cloud.camera.value = readCamera(this.keep.get(`camera-${image}`)) ?? firstLook(scan, cloud.facts.value.sample, cloud.canvas.value)
    }
    this.paint(from, to)
    this.marks?.extend(from, to)
    if (this.marks) this.renderer.setMarks(this.marks.drawn, from, to)
    cloud.arrived.value = to
    // New points join the picture; it begins anew when all are there, with points as small as they then may be.
    if (from === 0 || to === scan.plan.shown) this.change()
    else this.redraw()
  }

  // ---- what is drawn

  private recolour(): void {
    void [this.cloud.colouring.value, this.cloud.facts.value]
    if (!this.cloud.scan.value) return
    this.paint(0, this.cloud.scan.value.count)
    this.change()
  }

  private paint(from: number, to: number): void {
    const { scan, facts, colouring } = this.cloud
    if (!scan.value || !facts.value || to <= from) return
    const { low, high } = facts.value.bounds
    paintPoints(scan.value, colouring.peek(), [low[2], high[2]], from, to, this.colours)
    this.renderer.setColours(this.colours, from, to)
  }

  private restyle(): void {
    const { store } = this
    const layers = store.layers.value
    if (!layers || store.kind.value !== 'cloud') return
    this.renderer.setStyles(styleTable(store.document.value.objects, store.classes.value, store.selected.value, layers))
    this.change()
  }

  private remark(): void {
    const { store, cloud, marks } = this
    void [store.pixels.value, cloud.scan.value]
    const layers = store.layers.value
    const { active, preview } = store
    const [ghosted, seen] = [active.value, preview.value?.mask ?? EMPTY_MASK]
    const { objects } = store.document.value
    if (!marks || !layers || layers.size.width !== cloud.scan.value?.plan.points) return
    marks.refresh({
      layers, preview: seen, ghosts: ghosted && !store.leaving.value ? layers.ghostsOf(ghosted.id) : EMPTY_MASK,
      hidden: objects.filter((o) => o.hidden).map((o) => layers.maskOf(o.id)),
    })
    this.renderer.setMarks(marks.drawn, 0, marks.drawn.length)
    this.change()
  }

  private watchPicture(): void {
    const { store, cloud } = this
    void [
      cloud.camera.value, cloud.clip.value, cloud.pointSize.value, cloud.lighting.value, cloud.dimming.value, cloud.canvas.value,
      store.opacity.value, store.masksShown.value, store.peeking.value, store.activeColour.value, store.active.value, store.matte.value,
    ]
    this.change()
    this.keepCamera()
  }

  private watchOverlay(): void {
    const { store, cloud } = this
    void [
      store.pending.value, store.active.value, store.leaving.value, store.marks.value, store.peeking.value, store.line.value, store.crosshair.value,
      cloud.pointed.value, cloud.clipShown.value,
    ]
    this.redraw()
  }

  private keepCamera(): void {
    const [camera, image] = [this.cloud.camera.value, this.image]
    if (!camera || image === null) return
    clearTimeout(this.keeping)
    this.keepNow = () => this.keep.set(`camera-${image}`, JSON.stringify(camera))
    this.keeping = setTimeout(this.flush, KEEP_MS)
  }

  /** Keep what waits to be kept: the page may be gone before its time comes. */
  private readonly flush = (): void => {
    clearTimeout(this.keeping)
    this.keepNow?.()
    this.keepNow = null
  }

  /** The picture has to be drawn anew. */
  private change(): void {
    this.stale = true
    this.redraw()
  }

  redraw(): void {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.draw(now))
  }

  private rest(): void {
    this.moving = false
    if (this.wanted() !== this.drawn || this.pace.detail < 1) this.change()
  }

  private isMoving(): boolean {
    return this.flight !== null || this.moving
  }

  /** Points that the picture has when it is done. */
  private wanted(): number {
    const limit = this.renderer.kind === 'canvas2d' ? SAMPLE : this.pace.limit
    const here = Math.min(this.cloud.arrived.peek(), limit)
    return this.isMoving() ? Math.min(here, this.pace.budget) : here
  }

  private draw(now: number): void {
    this.frame = 0
    this.advance(now)
    const wanted = this.wanted()
    const begun = this.stale
    if (begun) this.beginPicture(wanted, now)
    const to = Math.max(this.drawn, Math.min(wanted, this.drawn + (this.isMoving() ? this.pace.budget : Math.max(this.pace.budget, RESTING_CHUNK))))
    if (to > this.drawn) this.time(to - this.drawn, () => this.renderer.draw(this.drawn, to))
    const complete = to >= wanted
    if ((to > this.drawn && (complete || now - this.begunAt > PATIENCE_MS)) || (begun && wanted === 0)) this.renderer.show()
    this.drawn = to
    if (this.drawn < wanted || this.flight) this.redraw()
    else this.cloud.drawn.value = this.drawn
    this.drawOverlay()
  }

  /** Learns what a frame costs. */
  private time(points: number, work: () => void): void {
    const since = performance.now()
    work()
    void this.renderer.done().then(() => {
      this.pace.note(performance.now() - since, points)
      if (!this.isMoving() && this.wanted() > this.drawn) this.redraw()
    })
  }

  private advance(now: number): void {
    const { flight } = this
    if (!flight) return
    const share = Math.min(Math.max((now - flight.since) / FLIGHT_MS, 0), 1)
    this.cloud.camera.value = between(flight.from, flight.to, share * share * (3 - 2 * share))
    if (share < 1) return
    this.flight = null
    this.move(flight.to)
  }

  /** Draws what is still missing of the picture now, so that what is picked is what is seen. */
  private fill(): void {
    if (this.stale) this.beginPicture(this.wanted(), performance.now())
    const wanted = this.wanted()
    if (wanted <= this.drawn) return
    this.renderer.draw(this.drawn, wanted)
    this.drawn = wanted
    this.renderer.show()
  }

  private beginPicture(wanted: number, now: number): void {
    this.stale = false
    this.drawn = 0
    this.begunAt = now
    const scene = this.scene(wanted)
    if (scene) this.renderer.begin({ ...scene, ratio: this.isMoving() ? this.ratio * this.pace.detail : this.ratio })
  }

  private scene(points: number): CloudScene | null {
    const { store, cloud } = this
    const [camera, facts, scan, canvas] = [cloud.camera.value, cloud.facts.value, cloud.scan.value, cloud.canvas.value]
    if (!camera || !facts || !scan || canvas.width === 0) return null
    const masksShown = store.masksShown.value && !store.peeking.value
    const atWork = store.active.value !== null && masksShown
    return {
      ...depthRange(camera, scan.corners), camera, canvas, ratio: this.ratio,
      // Fewer points have to be larger to close a surface, and a sample is spread less evenly than what a scanner measured.
      spacing: facts.spacing * Math.sqrt(scan.plan.shown / Math.max(points, 1)) * (points < scan.plan.shown ? UNEVEN : 1),
      pointSize: cloud.pointSize.value,
      clip: cloud.clip.value,
      opacity: store.opacity.value,
      masksShown,
      dimmed: store.matte.value ? MATTE : atWork && cloud.dimming.value ? DIMMED : 0,
      activeColour: parseHex(store.activeColour.value),
      lighting: cloud.lighting.value ? LIGHTING : 0,
    }
  }

  private drawOverlay(): void {
    const context = this.overlay.getContext('2d')
    if (context) drawCloudOverlay(context, this.ratio, this.store, this.cloud, this.pivot)
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.base
    if (this.store.kind.value !== 'cloud' || width === 0) return
    this.ratio = window.devicePixelRatio || 1
    this.overlay.width = Math.round(width * this.ratio)
    this.overlay.height = Math.round(height * this.ratio)
    this.cloud.canvas.value = { width, height }
    this.stale = true
    cancelAnimationFrame(this.frame)
    this.draw(performance.now())
  }

  /** The graphics driver has taken everything away: give it again. */
  private restore(): void {
    this.renderer = WebGlCloudRenderer.create(this.base) ?? this.renderer
    const scan = this.cloud.scan.value
    if (!scan) return
    this.renderer.hold(scan)
    this.renderer.append(0, scan.count)
    this.renderer.setColours(this.colours, 0, scan.count)
    if (this.marks) this.renderer.setMarks(this.marks.drawn, 0, scan.count)
    this.restyle()
    this.change()
  }
}
