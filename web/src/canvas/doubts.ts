/** What the model is not sure of: hatched, so that it is told from masks by more than a colour, and the proposed places. */

import type { Ring } from '../state/outline'
import type { Doubts } from '../state/store'
import { toScreen, type Point, type View } from '../state/view'
import { ringPath } from './strokes'

const STEP = 7
const RADIUS = 13
const COLOUR = '#f0e442'
const HALO = 'rgba(0, 0, 0, 0.75)'

export function hatch(context: CanvasRenderingContext2D, view: View, rings: readonly Ring[]): void {
  const pattern = rings.length > 0 ? context.createPattern(stripes(), 'repeat') : null
  if (!pattern) return
  context.fillStyle = pattern
  context.fill(ringPath(view, rings), 'evenodd')
}

let tile: HTMLCanvasElement | null = null

/** A light line with a dark one beside it, falling to the left. */
function stripes(): HTMLCanvasElement {
  if (tile) return tile
  tile = document.createElement('canvas')
  tile.width = tile.height = STEP
  const context = tile.getContext('2d') as CanvasRenderingContext2D
  for (const [shift, colour] of [[1.5, HALO], [0, COLOUR]] as const) {
    context.strokeStyle = colour
    context.lineWidth = 1.5
    for (const at of [-STEP, 0, STEP]) {
      context.beginPath()
      context.moveTo(at + shift - 1, STEP + 1)
      context.lineTo(at + shift + STEP + 1, -1)
      context.stroke()
    }
  }
  return tile
}

/** The place that is looked at as a ring with a question mark, the others as small rings. */
export function drawPlaces(context: CanvasRenderingContext2D, view: View, doubts: Doubts): void {
  doubts.places.forEach((place, i) => {
    if (i !== doubts.at) circle(context, toScreen(view, place), 5)
  })
  const place = doubts.places[doubts.at]
  if (!place) return
  const at = toScreen(view, place)
  circle(context, at, RADIUS)
  if (doubts.reached) return
  context.font = '700 15px system-ui, sans-serif'
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.lineWidth = 3
  context.strokeStyle = HALO
  context.strokeText('?', at.x, at.y + 1)
  context.fillStyle = COLOUR
  context.fillText('?', at.x, at.y + 1)
}

function circle(context: CanvasRenderingContext2D, at: Point, radius: number): void {
  for (const [width, colour] of [[4.5, HALO], [2, COLOUR]] as const) {
    context.lineWidth = width
    context.strokeStyle = colour
    context.beginPath()
    context.arc(at.x, at.y, radius, 0, 2 * Math.PI)
    context.stroke()
  }
}
