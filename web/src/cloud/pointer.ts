/** Mouse, pen and touch on the canvas of a cloud. */

import type { Store } from '../state/store'
import type { Point } from '../state/view'
import { IDLE, moved, pressed, released, type Gesture, type Outcome } from './gesture'
import type { CloudViewer } from './viewer'

const LONG_PRESS_MS = 500
const WHEEL_STEP = 0.0015
const PINCH_STEP = 0.01
/** The wheel goes on towards the point that it began with. */
const WHEEL_REST_MS = 350
/** How long the pointer rests before the point under it is looked up. */
const LOOK_MS = 40
const IS_MAC = /Mac|iPad|iPhone/.test(navigator.platform)

export class CloudPointer {
  /** Space is held: the next drag moves the cloud. Set by the keyboard. */
  spaceHeld = false
  /** A drag happened while Space was held, so its release is no tap. */
  spaceUsed = false
  private gesture: Gesture = IDLE
  /** The image on which the gesture began: what ends on another one means nothing. */
  private begunOn: number | null = null
  private readonly touches = new Map<number, Point>()
  private longPress: ReturnType<typeof setTimeout> | undefined
  private looking: ReturnType<typeof setTimeout> | undefined
  private wheeled = -Infinity

  constructor(
    private readonly store: Store, private readonly viewer: CloudViewer, private readonly surface: HTMLElement,
  ) {
    surface.addEventListener('pointerdown', (e) => this.down(e))
    surface.addEventListener('pointermove', (e) => this.move(e))
    surface.addEventListener('pointerup', (e) => this.up(e))
    surface.addEventListener('pointercancel', (e) => this.cancel(e))
    surface.addEventListener('pointerleave', () => {
      clearTimeout(this.looking)
      this.viewer.lookAway()
    })
    surface.addEventListener('contextmenu', (e) => e.preventDefault())
    surface.addEventListener('dblclick', (e) => this.viewer.doubleClick(this.screen(e)))
    surface.addEventListener('wheel', (e) => this.wheel(e), { passive: false })
  }

  private down(event: PointerEvent): void {
    this.surface.focus({ preventScroll: true })
    this.surface.setPointerCapture(event.pointerId)
    this.store.crosshair.value = null
    const at = this.screen(event)
    if (event.pointerType === 'touch') {
      this.touches.set(event.pointerId, at)
      if (this.touches.size > 1) {
        this.abandon()
        return this.viewer.grab(this.middle())
      }
      this.longPress = setTimeout(() => this.pressLong(at), LONG_PRESS_MS)
    }
    if (event.button === 1) event.preventDefault()
    if (this.spaceHeld) this.spaceUsed = true
    this.begunOn = this.store.current.value
    const tool = this.store.tool.value
    this.gesture = pressed({
      button: event.button, at, negative: this.isNegative(event), panning: this.spaceHeld, tool: tool === 'lasso' || tool === 'select' ? tool : 'click',
    })
    if (this.gesture.kind === 'press' || this.gesture.kind === 'pan') this.viewer.grab(at)
    if (this.gesture.kind === 'press' && tool === 'click') this.viewer.aim(at, this.gesture.press.button === 0 && !this.gesture.press.negative)
  }

  private move(event: PointerEvent): void {
    const at = this.screen(event)
    if (this.touches.size > 1 && this.touches.has(event.pointerId)) return this.pinch(event.pointerId, at)
    if (this.gesture.kind === 'idle') {
      if (event.pointerType !== 'touch') this.look(at, !this.isNegative(event))
      return
    }
    const [gesture, outcome] = moved(this.gesture, at)
    if (gesture.kind !== 'press') {
      clearTimeout(this.longPress)
      this.viewer.lookAway()
    }
    this.gesture = gesture
    this.store.panning.value = gesture.kind === 'pan' || gesture.kind === 'orbit'
    if (gesture.kind === 'lasso') this.store.line.value = { kind: 'lasso', points: gesture.points.map((p) => [p.x, p.y] as const), positive: gesture.positive }
    this.carryOut(outcome)
  }

  private up(event: PointerEvent): void {
    clearTimeout(this.longPress)
    this.touches.delete(event.pointerId)
    const outcome = this.begunOn === this.store.current.value ? released(this.gesture) : ({ kind: 'none' } as const)
    this.abandon()
    this.carryOut(outcome)
  }

  private cancel(event: PointerEvent): void {
    this.touches.delete(event.pointerId)
    this.abandon()
  }

  private abandon(): void {
    clearTimeout(this.longPress)
    this.gesture = IDLE
    this.store.panning.value = false
    this.store.line.value = null
    this.viewer.letGo()
  }

  private pressLong(at: Point): void {
    if (this.gesture.kind !== 'press' || this.begunOn !== this.store.current.value) return
    this.abandon()
    this.viewer.click(at, false)
  }

  private carryOut(outcome: Outcome): void {
    switch (outcome.kind) {
      case 'orbit':
        return this.viewer.orbit(outcome.dx, outcome.dy)
      case 'pan':
        return this.viewer.pan(outcome.dx, outcome.dy)
      case 'click':
        return this.viewer.click(outcome.at, outcome.positive)
      case 'select':
        return this.viewer.select(outcome.at)
      case 'lasso':
        return this.viewer.lasso(outcome.points, outcome.positive)
      case 'none':
    }
  }

  private look(at: Point, positive: boolean): void {
    clearTimeout(this.looking)
    this.looking = setTimeout(() => this.viewer.lookAt(at, positive), LOOK_MS)
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault()
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
    const now = performance.now()
    if (now - this.wheeled > WHEEL_REST_MS) this.viewer.grab(this.screen(event))
    this.wheeled = now
    // Sideways only a touchpad or a tilted wheel scrolls, and that is not a wish to come closer.
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY)
    if (!event.ctrlKey && (sideways || this.store.wheel.value === 'scroll')) this.viewer.pan(-event.deltaX * lines, -event.deltaY * lines)
    else {
      const step = event.ctrlKey ? PINCH_STEP : WHEEL_STEP
      this.viewer.dolly(Math.exp(Math.max(-600, Math.min(600, event.deltaY * lines)) * step))
    }
    this.viewer.letGo()
  }

  /** Two fingers: their middle moves the cloud, their distance brings it closer. */
  private pinch(pointer: number, at: Point): void {
    const other = [...this.touches].find(([id]) => id !== pointer)?.[1]
    const before = this.touches.get(pointer)
    if (!other || !before) return
    this.touches.set(pointer, at)
    const factor = Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1) / Math.max(Math.hypot(at.x - other.x, at.y - other.y), 1)
    this.viewer.dolly(factor)
    this.viewer.pan((at.x - before.x) / 2, (at.y - before.y) / 2)
  }

  private middle(): Point {
    const all = [...this.touches.values()]
    return { x: all.reduce((sum, p) => sum + p.x, 0) / all.length, y: all.reduce((sum, p) => sum + p.y, 0) / all.length }
  }

  private isNegative(event: PointerEvent): boolean {
    return this.store.sign.value === 'negative' || event.shiftKey || event.altKey || (IS_MAC && event.ctrlKey)
  }

  private screen(event: MouseEvent): Point {
    const box = this.surface.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
}
