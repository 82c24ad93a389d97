/** Markers, crosshair, box and axes above a cloud: shapes of constant screen size. */

import { COLOURS, drawCrosshair, drawMarker } from '../canvas/overlay'
import { strokeTwice } from '../canvas/strokes'
import type { Store } from '../state/store'
import type { Point, Size } from '../state/view'
import type { Prompt } from '../state/wire'
import { axes, project, type Camera } from './camera'
import { edges } from './clip'
import type { CloudState } from './state'
import type { Scan } from './scan'
import type { Vec3 } from './vector'

const AXIS = { length: 26, colours: ['#e0565b', '#46a758', '#4c8df6'] } as const
/** From the lower left corner, above the bar with the object's actions. */
const AXIS_AT = { x: 44, y: 108 } as const

export function drawCloudOverlay(context: CanvasRenderingContext2D, ratio: number, store: Store, cloud: CloudState, pivot: Vec3 | null): void {
  const [camera, scan, canvas] = [cloud.camera.value, cloud.scan.value, cloud.canvas.value]
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, canvas.width, canvas.height)
  if (!camera || !scan) return
  drawAxes(context, canvas, camera, scan)
  if (cloud.clip.value && cloud.clipShown.value) drawBox(context, canvas, camera, cloud)
  if (pivot) drawPivot(context, project(camera, canvas, pivot))
  drawPointed(context, canvas, camera, scan, cloud)
  drawMarkers(context, canvas, camera, scan, store)
  if (store.line.value) drawLasso(context, store.line.value.points, store.line.value.positive)
  if (store.crosshair.value) drawCrosshair(context, store.crosshair.value)
}

/** Where a click prompt is seen; null for one behind the camera or on a point that is not here. */
export function markerAt(scan: Scan, camera: Camera, canvas: Size, prompt: { readonly x: number }): Point | null {
  const place = scan.placeOf(Math.floor(prompt.x))
  if (place === null) return null
  const at = project(camera, canvas, scan.shown(place))
  return at.depth > 0 ? at : null
}

/** The prompts that still count by themselves: those after the newest mask. */
export function standing(prompts: readonly Prompt[]): readonly Prompt[] {
  return prompts.slice(prompts.findLastIndex((p) => p.kind === 'mask') + 1)
}

function drawMarkers(context: CanvasRenderingContext2D, canvas: Size, camera: Camera, scan: Scan, store: Store): void {
  if (store.peeking.value) return
  const colours = COLOURS[store.marks.value]
  const placed = store.leaving.value ? [] : standing(store.active.value?.prompts ?? [])
  for (const [prompts, pending] of [[placed, false], [store.pending.value, true]] as const) {
    for (const prompt of prompts) {
      const at = prompt.kind === 'click' ? markerAt(scan, camera, canvas, prompt) : null
      if (at && prompt.kind === 'click') drawMarker(context, at, prompt.positive, colours, pending)
    }
  }
}

/** A ring round the point that a click would mean. */
function drawPointed(context: CanvasRenderingContext2D, canvas: Size, camera: Camera, scan: Scan, cloud: CloudState): void {
  if (cloud.pointed.value === null || cloud.pointed.value >= scan.count) return
  const at = project(camera, canvas, scan.shown(cloud.pointed.value))
  const path = new Path2D()
  path.arc(at.x, at.y, 5, 0, 2 * Math.PI)
  strokeTwice(context, path, [])
}

function drawPivot(context: CanvasRenderingContext2D, at: Point): void {
  const path = new Path2D()
  path.arc(at.x, at.y, 3, 0, 2 * Math.PI)
  path.moveTo(at.x + 9, at.y)
  path.arc(at.x, at.y, 9, 0, 2 * Math.PI)
  strokeTwice(context, path, [])
}

function drawBox(context: CanvasRenderingContext2D, canvas: Size, camera: Camera, cloud: CloudState): void {
  if (!cloud.clip.value) return
  const path = new Path2D()
  for (const [from, to] of edges(cloud.clip.value)) {
    const [a, b] = [project(camera, canvas, from), project(camera, canvas, to)]
    if (a.depth <= 0 || b.depth <= 0) continue
    path.moveTo(a.x, a.y)
    path.lineTo(b.x, b.y)
  }
  strokeTwice(context, path, [5, 4])
}

function drawLasso(context: CanvasRenderingContext2D, points: readonly (readonly [number, number])[], positive: boolean): void {
  const path = new Path2D()
  points.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)))
  path.closePath()
  strokeTwice(context, path, [6, 4], positive ? '#fff' : '#ffb3b5')
}

/** The file's own axes as they lie now. */
function drawAxes(context: CanvasRenderingContext2D, canvas: Size, camera: Camera, scan: Scan): void {
  const { right, up, forward } = axes(camera)
  const middle = { x: AXIS_AT.x, y: canvas.height - AXIS_AT.y }
  const seen = [0, 1, 2].map((k) => {
    const axis = scan.rotation.map((row) => row[k] as number) as unknown as Vec3
    const part = (along: Vec3): number => axis[0] * along[0] + axis[1] * along[1] + axis[2] * along[2]
    return { name: 'xyz'[k] as string, colour: AXIS.colours[k] as string, x: part(right), y: -part(up), depth: part(forward) }
  })
  context.font = '600 11px system-ui, sans-serif'
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.lineCap = 'round'
  for (const axis of seen.sort((a, b) => b.depth - a.depth)) {
    const end = { x: middle.x + axis.x * AXIS.length, y: middle.y + axis.y * AXIS.length }
    context.beginPath()
    context.moveTo(middle.x, middle.y)
    context.lineTo(end.x, end.y)
    context.lineWidth = 2.5
    context.strokeStyle = axis.colour
    context.globalAlpha = axis.depth > 0.2 ? 0.55 : 1
    context.stroke()
    context.fillStyle = axis.colour
    context.fillText(axis.name, middle.x + axis.x * (AXIS.length + 9), middle.y + axis.y * (AXIS.length + 9))
    context.globalAlpha = 1
  }
}
