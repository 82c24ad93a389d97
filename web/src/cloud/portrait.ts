/** A small still picture of the open cloud with one mask, for comparing. */

import { EMPTY_MASK, forEachSpan, type RunMask } from '../state/runs'
import { parseHex } from '../state/palette'
import { fitted } from './camera'
import { CanvasCloudRenderer } from './canvas2d'
import { paintPoints } from './colours'
import { FLAG } from './marks'
import { depthRange } from './renderer'
import type { CloudState } from './state'
import type { Scan } from './scan'

/** More points than this say no more on so small a picture. */
const POINTS = 60_000
const DIMMED = 0.35
const AIR = 1.5

export function drawPortrait(canvas: HTMLCanvasElement, cloud: CloudState, mask: RunMask, colour: string, frame: RunMask): void {
  const [scan, facts, looking] = [cloud.scan.value, cloud.facts.value, cloud.camera.value]
  if (!scan || !facts || !looking) return
  const size = { width: canvas.width, height: canvas.height }
  const inFrame = coordinates(scan, frame)
  const camera = fitted(inFrame.length ? inFrame : facts.sample, size, looking, AIR)
  const count = Math.min(scan.count, POINTS)
  const colours = new Uint8Array(count * 4)
  const { low, high } = facts.bounds
  paintPoints(scan, cloud.colouring.value, [low[2], high[2]], 0, count, colours)
  const renderer = CanvasCloudRenderer.create(canvas)
  renderer.hold(scan)
  renderer.setColours(colours)
  renderer.setMarks(marked(scan, mask, count))
  renderer.begin({
    ...depthRange(camera, scan.corners), camera, canvas: size, ratio: 1, spacing: facts.spacing * Math.sqrt(scan.plan.shown / count),
    pointSize: 1, clip: null, opacity: 0.6, masksShown: true, dimmed: mask === EMPTY_MASK ? 0 : DIMMED, activeColour: parseHex(colour), lighting: 0,
  })
  renderer.draw(0, count)
  renderer.show()
}

function marked(scan: Scan, mask: RunMask, count: number): Uint32Array {
  const marks = new Uint32Array(count)
  forEachSpan(mask, scan.plan.points, (from, to) => {
    for (let row = from; row < to; row++) {
      const place = scan.placeOf(row)
      if (place !== null && place < count) marks[place] = FLAG.active
    }
  })
  return marks
}

function coordinates(scan: Scan, mask: RunMask): Float32Array {
  const found: number[] = []
  forEachSpan(mask, scan.plan.points, (from, to) => {
    for (let row = from; row < to; row++) {
      const place = scan.placeOf(row)
      if (place !== null) found.push(...scan.shown(place))
    }
  })
  return Float32Array.from(found)
}
