/** What a pointer means over a cloud: a small state machine over presses, moves and releases in screen pixels. */

import { DRAG_DISTANCE } from '../state/gesture'
import type { Point } from '../state/view'

export interface Press {
  readonly button: number
  readonly at: Point
  /** Shift, Alt, or Ctrl on a Mac. */
  readonly negative: boolean
  /** Space is held down. */
  readonly panning: boolean
  readonly tool: 'click' | 'lasso' | 'select'
}

export type Gesture =
  | { readonly kind: 'idle' }
  | { readonly kind: 'press'; readonly press: Press }
  | { readonly kind: 'orbit' | 'pan'; readonly last: Point }
  | { readonly kind: 'lasso'; readonly points: readonly Point[]; readonly positive: boolean }

export type Outcome =
  | { readonly kind: 'none' }
  | { readonly kind: 'orbit' | 'pan'; readonly dx: number; readonly dy: number }
  | { readonly kind: 'click'; readonly at: Point; readonly positive: boolean }
  | { readonly kind: 'select'; readonly at: Point }
  | { readonly kind: 'lasso'; readonly points: readonly Point[]; readonly positive: boolean }

export const IDLE: Gesture = { kind: 'idle' }
const NONE: Outcome = { kind: 'none' }

export function pressed(press: Press): Gesture {
  if (press.button === 1 || (press.button === 0 && press.panning)) return { kind: 'pan', last: press.at }
  if (press.button === 0 && press.tool === 'lasso') return { kind: 'lasso', points: [press.at], positive: !press.negative }
  return press.button === 0 || press.button === 2 ? { kind: 'press', press } : IDLE
}

/** A left drag turns, a right one moves (Shift and the left button too); a click is a press that stays where it is. */
export function moved(gesture: Gesture, at: Point): [Gesture, Outcome] {
  switch (gesture.kind) {
    case 'idle':
      return [gesture, NONE]
    case 'press': {
      const { press } = gesture
      if (apart(press.at, at) <= DRAG_DISTANCE) return [gesture, NONE]
      return moved({ kind: press.button === 0 && !press.negative ? 'orbit' : 'pan', last: press.at }, at)
    }
    case 'lasso':
      return [{ ...gesture, points: [...gesture.points, at] }, NONE]
    default:
      return [{ kind: gesture.kind, last: at }, { kind: gesture.kind, dx: at.x - gesture.last.x, dy: at.y - gesture.last.y }]
  }
}

export function released(gesture: Gesture): Outcome {
  if (gesture.kind === 'lasso') return gesture.points.length > 2 ? gesture : NONE
  if (gesture.kind !== 'press') return NONE
  const { press } = gesture
  if (press.tool === 'select' && press.button === 0) return { kind: 'select', at: press.at }
  return { kind: 'click', at: press.at, positive: press.button === 0 && !press.negative }
}

function apart(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}
