/** Two ways to look closely: the pixels round the pointer enlarged, and the masks alone in white on black. */

import type { Layers } from '../state/layers'
import type { Rgb } from '../state/palette'
import { scaleDown, toScreen, type Point, type Size, type View } from '../state/view'
import type { Backdrop } from './backdrop'

/** In CSS pixels. */
const LOUPE_RADIUS = 84
const LEAST_SCALE = 8

/** A round glass above the pointer, in which the pixel under it is the middle one. */
export function drawLoupe(
  context: CanvasRenderingContext2D, canvas: Size, view: View, at: Point, picture: Backdrop, layers: Layers | null, colour: Rgb,
): void {
  const scale = Math.max(LEAST_SCALE, view.scale * 4)
  const pointer = toScreen(view, at)
  const middle = {
    x: Math.min(Math.max(pointer.x, LOUPE_RADIUS + 4), canvas.width - LOUPE_RADIUS - 4),
    y: pointer.y > 2 * LOUPE_RADIUS + 30 ? pointer.y - LOUPE_RADIUS - 24 : pointer.y + LOUPE_RADIUS + 24,
  }
  const aspect = view.aspect ?? 1
  const inside: View = { scale, aspect, left: middle.x - at.x * scale, top: middle.y - at.y * scale * aspect }
  context.save()
  context.beginPath()
  context.arc(middle.x, middle.y, LOUPE_RADIUS, 0, 2 * Math.PI)
  context.fillStyle = '#000'
  context.fill()
  context.clip()
  context.imageSmoothingEnabled = false
  picture.paint(context, inside, canvas, 1)
  if (layers) tint(context, inside, at, layers, colour)
  context.restore()
  frame(context, middle, scale, scale * aspect)
}

function tint(context: CanvasRenderingContext2D, view: View, at: Point, layers: Layers, colour: Rgb): void {
  const reach = Math.ceil(LOUPE_RADIUS / view.scale)
  const { width, height } = layers.size
  context.fillStyle = `rgba(${colour.join(', ')}, 0.5)`
  for (let y = Math.max(0, Math.floor(at.y) - reach); y <= Math.min(height - 1, Math.floor(at.y) + reach); y++) {
    for (let x = Math.max(0, Math.floor(at.x) - reach); x <= Math.min(width - 1, Math.floor(at.x) + reach); x++) {
      if (!layers.activeAt(x, y) && !layers.idAt(x, y)) continue
      // Whole screen pixels, so that neighbours neither overlap nor leave a seam.
      const from = toScreen(view, { x, y })
      const to = toScreen(view, { x: x + 1, y: y + 1 })
      const [left, top] = [Math.round(from.x), Math.round(from.y)]
      context.fillRect(left, top, Math.round(to.x) - left, Math.round(to.y) - top)
    }
  }
}

function frame(context: CanvasRenderingContext2D, middle: Point, width: number, height: number): void {
  for (const [line, colour] of [[5, 'rgba(0, 0, 0, 0.6)'], [2, '#fff']] as const) {
    context.lineWidth = line
    context.strokeStyle = colour
    context.beginPath()
    context.arc(middle.x, middle.y, LOUPE_RADIUS, 0, 2 * Math.PI)
    context.stroke()
  }
  context.lineWidth = 1
  context.strokeStyle = '#fff'
  context.strokeRect(middle.x - width / 2, middle.y - height / 2, width, height)
}

/** The active mask (without one, every mask) in white on black, pixel by pixel of the screen. */
export function drawMatte(context: CanvasRenderingContext2D, canvas: Size, ratio: number, view: View, layers: Layers, active: boolean): void {
  const [width, height] = [Math.round(canvas.width * ratio), Math.round(canvas.height * ratio)]
  const pixels = new ImageData(width, height)
  const values = new Uint32Array(pixels.data.buffer)
  const { size } = layers
  const columns = Int32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) / ratio - view.left) / view.scale))
  values.fill(0xff000000)
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) / ratio - view.top) / scaleDown(view))
    if (row < 0 || row >= size.height) continue
    for (let x = 0; x < width; x++) {
      const column = columns[x] as number
      if (column < 0 || column >= size.width) continue
      if (active ? layers.activeAt(column, row) : layers.idAt(column, row)) values[y * width + x] = 0xffffffff
    }
  }
  context.putImageData(pixels, 0, 0)
}
