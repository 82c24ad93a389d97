/** Markers, boxes and the crosshair: vector shapes of constant screen size above the picture. */

import type { Corners, Doubts, DrawnLine, Marks as MarkColours, Pending } from '../state/store'
import type { Box } from '../state/runs'
import type { Ring } from '../state/outline'
import { drawCorners, drawPolygon } from './handles'
import { drawPlaces, hatch } from './doubts'
import { ringPath, strokeTwice } from './strokes'
import { toScreen, type Point, type Size, type View } from '../state/view'
import type { Prompt } from '../state/wire'

/** Positive and negative. Blue and vermilion are Okabe and Ito's. */
export const COLOURS: Readonly<Record<MarkColours, readonly [string, string]>> = {
  'green-red': ['#1A9641', '#D7191C'],
  'blue-orange': ['#0072B2', '#D55E00'],
}
const HALO = 'rgba(0, 0, 0, 0.75)'
const RADIUS = 7

export interface Marks {
  readonly prompts: readonly Prompt[]
  readonly pending: readonly Pending[]
  readonly rubber: Box | null
  readonly crosshair: Point | null
  readonly colours: MarkColours
  /** Outlines of what the model would change as well. */
  readonly ghosts: readonly Ring[]
  /** Outlines of what the model is not sure of, and where a click is proposed. */
  readonly unsure: readonly Ring[]
  readonly doubts: Doubts | null
  /** Outlines of what a click here would give. */
  readonly preview: readonly Ring[]
  readonly line: DrawnLine | null
  /** The polygon under way, and the outline that can be moved. */
  readonly polygon: readonly Point[] | null
  readonly corners: Corners | null
  readonly pointer: Point | null
  /** The brush or eraser at the pointer, in image pixels. */
  readonly brush: { readonly at: Point; readonly radius: number } | null
}

export function drawOverlay(context: CanvasRenderingContext2D, ratio: number, canvas: Size, view: View, marks: Marks): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, canvas.width, canvas.height)
  hatch(context, view, marks.unsure)
  drawRings(context, view, marks.ghosts)
  drawRings(context, view, marks.preview)
  for (const prompt of [...marks.prompts, ...marks.pending, ...(marks.line ? [marks.line] : [])]) {
    if (prompt.kind === 'box') drawBox(context, view, prompt)
    if (prompt.kind === 'scribble' || prompt.kind === 'lasso' || prompt.kind === 'cut') drawLine(context, view, prompt, COLOURS[marks.colours])
  }
  if (marks.rubber) drawBox(context, view, marks.rubber)
  for (const prompt of marks.prompts) if (prompt.kind === 'click') drawMarker(context, toScreen(view, prompt), prompt.positive, COLOURS[marks.colours])
  for (const pending of marks.pending) {
    if (pending.kind === 'click') drawMarker(context, toScreen(view, pending), pending.positive, COLOURS[marks.colours], true)
  }
  if (marks.corners) drawCorners(context, view, marks.corners.loops)
  if (marks.polygon) drawPolygon(context, view, marks.polygon, marks.pointer)
  if (marks.brush) drawBrush(context, view, marks.brush.at, marks.brush.radius)
  if (marks.doubts) drawPlaces(context, view, marks.doubts)
  if (marks.crosshair) drawCrosshair(context, toScreen(view, marks.crosshair))
}

/** A disc with plus or a square with minus, so that the meaning never hangs on the colour. */
export function drawMarker(context: CanvasRenderingContext2D, at: Point, positive: boolean, [plus, minus]: readonly [string, string], pending = false): void {
  context.lineWidth = 1
  context.fillStyle = positive ? plus : minus
  context.strokeStyle = HALO
  context.beginPath()
  if (positive) context.arc(at.x, at.y, RADIUS, 0, 2 * Math.PI)
  else context.roundRect(at.x - RADIUS + 0.5, at.y - RADIUS + 0.5, 2 * RADIUS - 1, 2 * RADIUS - 1, 2)
  context.fill()
  context.stroke()
  context.strokeStyle = '#fff'
  context.lineWidth = 2
  context.beginPath()
  context.moveTo(at.x - 3.5, at.y)
  context.lineTo(at.x + 3.5, at.y)
  if (positive) {
    context.moveTo(at.x, at.y - 3.5)
    context.lineTo(at.x, at.y + 3.5)
  }
  context.stroke()
  if (pending) ring(context, at)
}

/** Not stored yet. */
function ring(context: CanvasRenderingContext2D, at: Point): void {
  context.lineWidth = 1.5
  context.strokeStyle = 'rgba(255, 255, 255, 0.9)'
  context.beginPath()
  context.arc(at.x, at.y, RADIUS + 4, 0, 2 * Math.PI)
  context.stroke()
}

function drawBox(context: CanvasRenderingContext2D, view: View, box: Box): void {
  const from = toScreen(view, { x: box.x0, y: box.y0 })
  const to = toScreen(view, { x: box.x1, y: box.y1 })
  const rectangle = [from.x, from.y, to.x - from.x, to.y - from.y] as const
  context.lineWidth = 3
  context.strokeStyle = 'rgba(0, 0, 0, 0.55)'
  context.strokeRect(...rectangle)
  context.lineWidth = 1.25
  context.strokeStyle = '#fff'
  context.setLineDash([6, 4])
  context.strokeRect(...rectangle)
  context.setLineDash([])
}

/** Dashed, so that it cannot be taken for the outline of a mask. */
function drawRings(context: CanvasRenderingContext2D, view: View, rings: readonly Ring[]): void {
  if (rings.length === 0) return
  const path = ringPath(view, rings)
  context.fillStyle = 'rgba(255, 255, 255, 0.14)'
  context.fill(path, 'evenodd')
  strokeTwice(context, path, [5, 4])
}

function drawLine(context: CanvasRenderingContext2D, view: View, line: DrawnLine, colours: readonly [string, string]): void {
  const path = new Path2D()
  line.points.forEach(([x, y], i) => {
    const at = toScreen(view, { x, y })
    if (i === 0) path.moveTo(at.x, at.y)
    path.lineTo(at.x, at.y)
  })
  context.lineJoin = context.lineCap = 'round'
  if (line.kind === 'cut') return strokeTwice(context, path, [], '#ffd166')
  if (line.kind === 'lasso') {
    path.closePath()
    return strokeTwice(context, path, [6, 4], line.positive ? '#fff' : '#ffb3b5')
  }
  for (const [width, colour] of [[7, HALO], [5, line.positive ? colours[0] : colours[1]]] as const) {
    context.lineWidth = width
    context.strokeStyle = colour
    context.stroke(path)
  }
  // The sign along the line, so that the meaning never hangs on the colour.
  context.lineWidth = 1.5
  context.strokeStyle = '#fff'
  context.setLineDash(line.positive ? [] : [1, 7])
  context.stroke(path)
  context.setLineDash([])
}

function drawBrush(context: CanvasRenderingContext2D, view: View, at: Point, radius: number): void {
  const path = new Path2D()
  const middle = toScreen(view, at)
  path.arc(middle.x, middle.y, Math.max(radius * view.scale, 1), 0, 2 * Math.PI)
  strokeTwice(context, path, [])
}

export function drawCrosshair(context: CanvasRenderingContext2D, at: Point): void {
  for (const [width, colour] of [[4, 'rgba(0, 0, 0, 0.6)'], [1.5, '#fff']] as const) {
    context.lineWidth = width
    context.strokeStyle = colour
    context.beginPath()
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(at.x + dx * 5, at.y + dy * 5)
      context.lineTo(at.x + dx * 18, at.y + dy * 18)
    }
    context.stroke()
  }
}
