/** What hands and keys do with a cloud: turn it, come closer, click its points. */

import { MARKER_REACH, type Annotator } from '../state/annotator'
import { announce } from '../state/notices'
import { forEachSpan } from '../state/runs'
import type { Store } from '../state/store'
import { t } from '../state/strings'
import type { Point } from '../state/view'
import type { ClickPrompt } from '../state/wire'
import type { Viewer } from '../tools/viewer'
import { axes, dolly, orbit, pan, project, ray, VIEWS, type ViewName } from './camera'
import { around } from './clip'
import { packRows, pointsInside } from './lasso'
import { FLAG } from './marks'
import { markerAt, standing } from './overlay'
import type { CloudStage } from './stage'
import { POINT_SIZES, type CloudState } from './state'
import type { Scan } from './scan'
import { add, dot, length, minus, times, type Vec3 } from './vector'

/** Air round an object that the box is cut to, as a share of its size. */
const AIR = 0.08
/** A crosshair's step, and how near the edge of the canvas it may go, CSS pixels. */
const CROSSHAIR = { step: 4, margin: 6 } as const
/** Nobody gets stuck in front of a surface: the least step, as a share of the scene. */
const LEAST_STEP = 0.002
const COME_CLOSER = 0.4
const MOST_SELECTED = 65_535

export class CloudViewer implements Viewer {
  /** What the hand holds: the point under the pointer when it went down. */
  private anchor: Vec3 | null = null

  constructor(
    private readonly store: Store, private readonly cloud: CloudState, private readonly stage: CloudStage, private readonly annotator: Annotator,
  ) {}

  // ---- looking

  /** Takes hold of what lies under a place, else of what is as far away as what was held before. */
  grab(at: Point): void {
    if (!this.cloud.camera.value) return
    const hit = this.stage.pick(at)
    this.anchor = hit === null ? this.beside(at) : (this.cloud.scan.value as Scan).shown(hit)
  }

  letGo(): void {
    if (this.stage.pivot === null) return
    this.stage.pivot = null
    this.stage.redraw()
  }

  orbit(dx: number, dy: number): void {
    const camera = this.cloud.camera.value
    if (!camera || !this.anchor) return
    this.stage.pivot = this.anchor
    this.stage.move(orbit(camera, this.anchor, dx, dy))
  }

  pan(dx: number, dy: number): void {
    const { camera, canvas } = this.cloud
    if (camera.value) this.stage.move(pan(camera.value, canvas.value, this.anchorDepth(), dx, dy))
  }

  /** Below 1 comes closer. */
  dolly(factor: number): void {
    const { camera, facts } = this.cloud
    if (!camera.value || !facts.value || !this.anchor) return
    const scene = length(minus(facts.value.bounds.high, facts.value.bounds.low))
    this.stage.move(dolly(camera.value, this.anchor, factor, scene * LEAST_STEP))
  }

  zoom(factor: number): void {
    this.grab(this.hand)
    this.dolly(1 / factor)
  }

  fit(): void {
    const camera = this.cloud.camera.value
    if (camera) this.stage.fit({ yaw: camera.yaw, pitch: camera.pitch })
  }

  look(view: ViewName): void {
    this.stage.fit(VIEWS[view])
    announce(this.store, t(`say.view.${view}`))
  }

  turn(dx: number, dy: number): void {
    this.grab(this.hand)
    this.orbit(dx, dy)
    this.letGo()
  }

  shift(dx: number, dy: number): void {
    this.grab(this.hand)
    this.pan(dx, dy)
  }

  /** Comes closer to the object at hand, else to the point at hand. */
  closer(): void {
    const { camera, scan } = this.cloud
    const object = this.objectPoints()
    if (object.length >= 3) return this.stage.fly(this.stage.fittedTo(Float32Array.from(object)))
    const hit = this.cloud.pointed.value ?? this.stage.pick(this.hand)
    if (!camera.value || !scan.value || hit === null) return announce(this.store, t('say.noPoint'))
    const target = scan.value.shown(hit)
    const depth = dot(minus(target, camera.value.eye), axes(camera.value).forward)
    this.stage.fly({ ...camera.value, eye: minus(target, times(axes(camera.value).forward, depth * COME_CLOSER)) })
  }

  // ---- how points are drawn

  nextColouring(): void {
    const { colourings, colouring, wanted } = this.cloud
    const at = colourings.value.indexOf(colouring.value)
    wanted.value = colourings.value[(at + 1) % colourings.value.length] ?? 'height'
    announce(this.store, t(`cloud.colour.${colouring.value}`))
  }

  resizePoints(factor: number): void {
    const { pointSize } = this.cloud
    pointSize.value = Math.min(Math.max(pointSize.value * factor, POINT_SIZES.least), POINT_SIZES.most)
  }

  // ---- the box

  /** Cuts to a box, or shows everything again. */
  toggleClip(): void {
    const { clip, clipShown, facts } = this.cloud
    if (!facts.value) return
    clip.value = clip.value ? null : facts.value.bounds
    clipShown.value = clip.value !== null
    announce(this.store, t(clip.value ? 'say.clip' : 'say.clipOff'))
  }

  clipToObject(): void {
    const points = this.objectPoints()
    const box = around(vectors(points), AIR)
    if (!box) return announce(this.store, t('say.selectFirst'))
    this.cloud.clip.value = box
    this.cloud.clipShown.value = true
  }

  // ---- prompts

  /** The mouse button goes down here: in a moment this is a click. */
  aim(at: Point, positive: boolean): void {
    const hit = this.stage.pick(at)
    if (hit !== null) this.annotator.ahead.press(this.placeOf(hit), positive)
  }

  /** Takes note of the point under a resting pointer. */
  lookAt(at: Point, positive: boolean): void {
    const hit = this.stage.pick(at)
    this.cloud.pointed.value = hit
    if (hit === null) this.annotator.ahead.cancel()
    else this.annotator.ahead.move(this.placeOf(hit), positive)
  }

  lookAway(): void {
    if (this.store.crosshair.value === null) this.cloud.pointed.value = null
    this.annotator.ahead.cancel()
  }

  click(at: Point, positive: boolean): void {
    const marker = this.markerNear(at, positive)
    const hit = this.stage.pick(at)
    if (marker) this.annotator.click(marker, positive)
    else if (hit !== null) this.annotator.click(this.placeOf(hit), positive)
    else announce(this.store, t('say.noPoint'))
  }

  select(at: Point): void {
    const hit = this.stage.pick(at)
    if (hit === null) this.annotator.select(null)
    else this.annotator.selectAt(this.placeOf(hit))
  }

  /** With the selecting tool an object is opened again. */
  doubleClick(at: Point): void {
    const hit = this.store.tool.value === 'select' ? this.stage.pick(at) : null
    const place = hit === null ? null : this.placeOf(hit)
    const object = place && this.store.layers.value?.objectAt(place.x, place.y)
    if (object == null) return
    this.annotator.reopen(object)
    this.store.tool.value = 'click'
  }

  /** The seen points inside a loop belong to the object, or do not. */
  lasso(loop: readonly Point[], positive: boolean): void {
    const { scan, camera, canvas, clip, facts } = this.cloud
    if (!scan.value || !camera.value || !facts.value) return
    const seen = this.stage.picture()
    const rows = pointsInside(loop, {
      scan: scan.value, camera: camera.value, canvas: canvas.value, clip: clip.value, spacing: facts.value.spacing, drawnAt: seen,
      shown: (index) => ((this.stage.markOf(index)) & FLAG.hidden) === 0,
    })
    if (rows.length === 0) return announce(this.store, t('say.noPoint'))
    this.annotator.selectPoints(packRows(rows), positive)
  }

  // ---- the crosshair

  get crosshairOn(): boolean {
    return this.store.crosshair.value !== null
  }

  toggleCrosshair(): void {
    if (this.crosshairOn) return this.hideCrosshair()
    const { width, height } = this.cloud.canvas.value
    this.moveTo({ x: width / 2, y: height / 2 })
  }

  moveCrosshair(dx: number, dy: number): void {
    const from = this.store.crosshair.value
    if (from) this.moveTo({ x: from.x + dx * CROSSHAIR.step, y: from.y + dy * CROSSHAIR.step })
    else this.toggleCrosshair()
  }

  clickCrosshair(positive: boolean): void {
    if (this.store.crosshair.value) this.click(this.store.crosshair.value, positive)
  }

  putCrosshair(at: Point, margin: number): void {
    const [scan, camera, canvas] = [this.cloud.scan.value, this.cloud.camera.value, this.cloud.canvas.value]
    const marker = scan && camera && markerAt(scan, camera, canvas, at)
    if (marker) this.moveTo(marker, margin)
  }

  hideCrosshair(): void {
    this.store.crosshair.value = this.cloud.pointed.value = null
  }

  apart(a: Point, b: Point): number {
    const { scan, camera, canvas } = this.cloud
    if (!scan.value || !camera.value) return Infinity
    const [from, to] = [markerAt(scan.value, camera.value, canvas.value, a), markerAt(scan.value, camera.value, canvas.value, b)]
    return from && to ? Math.hypot(from.x - to.x, from.y - to.y) : Infinity
  }

  private moveTo(at: Point, margin: number = CROSSHAIR.margin): void {
    const { width, height } = this.cloud.canvas.value
    const inside = (v: number, most: number): number => Math.min(Math.max(v, margin), most - margin)
    const place = { x: inside(at.x, width), y: inside(at.y, height) }
    this.store.crosshair.value = place
    this.cloud.pointed.value = this.stage.pick(place)
  }

  // ---- helpers

  /** Where the keys take hold: at the crosshair, else in the middle. */
  private get hand(): Point {
    const { width, height } = this.cloud.canvas.value
    return this.store.crosshair.value ?? { x: width / 2, y: height / 2 }
  }

  /** A point of the cloud as a place of the one-row picture that the server knows it as. */
  private placeOf(index: number): Point {
    return { x: ((this.cloud.scan.value as Scan).rows[index] as number) + 0.5, y: 0.5 }
  }

  /** The place of a prompt whose marker lies there. */
  private markerNear(at: Point, positive: boolean): Point | null {
    const [scan, camera, canvas] = [this.cloud.scan.value, this.cloud.camera.value, this.cloud.canvas.value]
    if (!scan || !camera || this.store.leaving.value) return null
    return standing(this.store.active.value?.prompts ?? []).findLast((prompt) => {
      const marker = prompt.kind === 'click' && prompt.positive === positive ? markerAt(scan, camera, canvas, prompt) : null
      return marker !== null && Math.hypot(marker.x - at.x, marker.y - at.y) <= MARKER_REACH
    }) as ClickPrompt | undefined ?? null
  }

  private anchorDepth(): number {
    const { camera } = this.cloud
    if (!camera.value || !this.anchor) return 1
    return Math.max(dot(minus(this.anchor, camera.value.eye), axes(camera.value).forward), 1e-6)
  }

  /** On the line of sight through a place, as deep as what was held before, or as the middle of the scene. */
  private beside(at: Point): Vec3 | null {
    const { camera, canvas, facts } = this.cloud
    if (!camera.value || !facts.value) return null
    const { low, high } = facts.value.bounds
    const { forward } = axes(camera.value)
    const middle = times(add(low, high), 0.5)
    const known = this.anchor && project(camera.value, canvas.value, this.anchor).depth > 0 ? this.anchor : middle
    const depth = Math.max(dot(minus(known, camera.value.eye), forward), length(minus(high, low)) * LEAST_STEP)
    const direction = ray(camera.value, canvas.value, at)
    return add(camera.value.eye, times(direction, depth / dot(direction, forward)))
  }

  /** Coordinates of (some of) the points of the object at hand, one after another. */
  private objectPoints(): number[] {
    const { store } = this
    const target = store.selectedObject.value ?? store.active.value
    const scan = this.cloud.scan.value
    const layers = store.layers.value
    if (!target || !scan || !layers) return []
    const found: number[] = []
    const step = Math.max(1, Math.floor(target.area / MOST_SELECTED))
    let n = 0
    forEachSpan(layers.maskOf(target.id), scan.plan.points, (from, to) => {
      for (let row = from; row < to; row++) {
        const place = n++ % step === 0 ? scan.placeOf(row) : null
        if (place !== null) found.push(...scan.shown(place))
      }
    })
    return found
  }
}

function* vectors(flat: readonly number[]): Generator<Vec3> {
  for (let i = 0; i + 2 < flat.length; i += 3) yield [flat[i] as number, flat[i + 1] as number, flat[i + 2] as number]
}
