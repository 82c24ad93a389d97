/** What a pointer means: a small state machine over presses, moves and releases in screen pixels. */

import type { Point } from './view'

export const DRAG_DISTANCE = 6

/** Tools that are drawn with: their drags are lines. */
export const LINE_TOOLS = ['scribble', 'lasso', 'brush', 'eraser', 'cut'] as const
export type LineName = (typeof LINE_TOOLS)[number]
export type Armed = 'click' | 'box' | 'select' | 'wand' | 'polygon' | LineName

export interface Press {
  readonly button: number
  readonly at: Point
  /** Shift, Alt, or Ctrl on a Mac. */
  readonly negative: boolean
  /** Space is held down. */
  readonly panning: boolean
  readonly tool: Armed
}

export type Gesture =
  | { readonly kind: 'idle' }
  | { readonly kind: 'press'; readonly press: Press }
  | { readonly kind: 'pan'; readonly last: Point; readonly moved: boolean }
  | { readonly kind: 'box'; readonly from: Point; readonly to: Point }
  | { readonly kind: 'line'; readonly tool: LineName; readonly positive: boolean }
  /** A corner of a polygon is placed, taken or moved: tools/polygon.ts knows which. */
  | { readonly kind: 'corner'; readonly positive: boolean }

export type Outcome =
  | { readonly kind: 'none' }
  | { readonly kind: 'pan'; readonly dx: number; readonly dy: number }
  | { readonly kind: 'click'; readonly at: Point; readonly positive: boolean }
  | { readonly kind: 'select'; readonly at: Point }
  | { readonly kind: 'box'; readonly from: Point; readonly to: Point }

export const IDLE: Gesture = { kind: 'idle' }
const NONE: Outcome = { kind: 'none' }

export function pressed(press: Press): Gesture {
  if (press.button === 1 || press.panning) return { kind: 'pan', last: press.at, moved: false }
  if (press.button === 0 && press.tool === 'polygon') return { kind: 'corner', positive: !press.negative }
  if (press.button === 0 && isLine(press.tool)) return { kind: 'line', tool: press.tool, positive: !press.negative }
  if (press.button === 0 && press.tool === 'box') return { kind: 'box', from: press.at, to: press.at }
  if (press.button === 0 || press.button === 2) return { kind: 'press', press }
  return IDLE
}

export function moved(gesture: Gesture, at: Point): [Gesture, Outcome] {
  switch (gesture.kind) {
    case 'idle':
    case 'line':
    case 'corner':
      return [gesture, NONE]
    case 'press':
      return distance(gesture.press.at, at) > DRAG_DISTANCE ? startDrag(gesture.press, at) : [gesture, NONE]
    case 'pan':
      return [{ kind: 'pan', last: at, moved: true }, { kind: 'pan', dx: at.x - gesture.last.x, dy: at.y - gesture.last.y }]
    case 'box':
      return [{ ...gesture, to: at }, NONE]
  }
}

function startDrag(press: Press, at: Point): [Gesture, Outcome] {
  if (press.button === 0 && press.tool === 'click') return [{ kind: 'box', from: press.at, to: at }, NONE]
  return [{ kind: 'pan', last: at, moved: true }, { kind: 'pan', dx: at.x - press.at.x, dy: at.y - press.at.y }]
}

export function released(gesture: Gesture): Outcome {
  if (gesture.kind === 'press') {
    const { press } = gesture
    if (press.tool === 'select' && press.button === 0) return { kind: 'select', at: press.at }
    return { kind: 'click', at: press.at, positive: press.button === 0 && !press.negative }
  }
  if (gesture.kind === 'box' && distance(gesture.from, gesture.to) > DRAG_DISTANCE) {
    return { kind: 'box', from: gesture.from, to: gesture.to }
  }
  return NONE
}

export function isLine(tool: Armed): tool is LineName {
  return (LINE_TOOLS as readonly string[]).includes(tool)
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}
