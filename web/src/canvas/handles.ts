/** Corners that can be placed and moved: of a polygon under way and of an outline. */

import { toScreen, type Point, type View } from '../state/view'
import { strokeTwice } from './strokes'

const RADIUS = 4.5

/** The polygon so far, with a line to the pointer. */
export function drawPolygon(context: CanvasRenderingContext2D, view: View, points: readonly Point[], pointer: Point | null): void {
  const path = pathOf(view, pointer ? [...points, pointer] : points, false)
  strokeTwice(context, path, [6, 4])
  points.forEach((point, i) => drawHandle(context, toScreen(view, point), i === 0 && points.length > 2))
}

export function drawCorners(context: CanvasRenderingContext2D, view: View, loops: readonly (readonly Point[])[]): void {
  for (const loop of loops) strokeTwice(context, pathOf(view, loop, true), [])
  for (const loop of loops) for (const point of loop) drawHandle(context, toScreen(view, point), false)
}

function pathOf(view: View, points: readonly Point[], closed: boolean): Path2D {
  const path = new Path2D()
  points.forEach((point, i) => {
    const at = toScreen(view, point)
    if (i === 0) path.moveTo(at.x, at.y)
    else path.lineTo(at.x, at.y)
  })
  if (closed) path.closePath()
  return path
}

/** `closing`: a press on it completes the polygon. */
function drawHandle(context: CanvasRenderingContext2D, at: Point, closing: boolean): void {
  context.beginPath()
  context.arc(at.x, at.y, closing ? RADIUS + 2 : RADIUS, 0, 2 * Math.PI)
  context.fillStyle = closing ? '#2b6cd8' : '#fff'
  context.fill()
  context.lineWidth = 1.5
  context.strokeStyle = closing ? '#fff' : 'rgba(0, 0, 0, 0.75)'
  context.stroke()
}
