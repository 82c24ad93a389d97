/** Mouse, pen and touch on the canvas, turned into gestures and those into commands. */

import type { Annotator } from '../state/annotator'
import { IDLE, moved, pressed, released, type Gesture, type LineName, type Outcome } from '../state/gesture'
import type { Store } from '../state/store'
import { clampToImage, keepVisible, panBy, toImage, zoomAt, type Point, type View } from '../state/view'
import { LineTool } from './line'
import type { PolygonTool } from './polygon'

const LONG_PRESS_MS = 500
const WHEEL_STEP = 0.0015
const PINCH_STEP = 0.01
const IS_MAC = /Mac|iPad|iPhone/.test(navigator.platform)

export class PointerTool {
  /** Space is held: the next drag moves the image. Set by the keyboard. */
  spaceHeld = false
  /** A drag happened while Space was held, so its release is no tap. */
  spaceUsed = false
  private gesture: Gesture = IDLE
  /** The image on which the gesture began: what ends on another one means nothing. */
  private begunOn: number | null = null
  private readonly touches = new Map<number, Point>()
  private readonly lines: LineTool
  private longPress: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly store: Store, private readonly annotator: Annotator, private readonly polygon: PolygonTool,
    private readonly surface: HTMLElement,
  ) {
    this.lines = new LineTool(store, annotator)
    surface.addEventListener('pointerdown', (e) => this.down(e))
    surface.addEventListener('pointermove', (e) => this.move(e))
    surface.addEventListener('pointerup', (e) => this.up(e))
    surface.addEventListener('pointercancel', (e) => this.cancel(e))
    surface.addEventListener('pointerleave', () => {
      store.pointer.value = null
      annotator.ahead.cancel()
    })
    surface.addEventListener('contextmenu', (e) => e.preventDefault())
    surface.addEventListener('dblclick', (e) => this.doubleClick(e))
    surface.addEventListener('wheel', (e) => this.wheel(e), { passive: false })
  }

  private down(event: PointerEvent): void {
    this.surface.focus({ preventScroll: true })
    this.surface.setPointerCapture(event.pointerId)
    this.store.crosshair.value = null
    const at = this.screen(event)
    if (event.pointerType === 'touch') {
      this.touches.set(event.pointerId, at)
      if (this.touches.size > 1) return this.abandon()
      this.longPress = setTimeout(() => this.pressLong(at), LONG_PRESS_MS)
    }
    if (event.button === 1) event.preventDefault()
    const negative = this.isNegative(event)
    if (this.spaceHeld) this.spaceUsed = true
    this.begunOn = this.store.current.value
    this.gesture = pressed({ button: event.button, at, negative, panning: this.spaceHeld, tool: this.store.tool.value })
    this.store.panning.value = this.gesture.kind === 'pan'
    if (this.gesture.kind === 'press' && this.store.tool.value === 'click') {
      this.annotator.ahead.press(toImage(this.store.view.value, at), event.button === 0 && !negative)
    }
    if (this.gesture.kind === 'corner') this.polygon.down(toImage(this.store.view.value, at), this.gesture.positive)
    if (this.gesture.kind === 'line') this.lines.begin(this.gesture.tool, this.gesture.positive, toImage(this.store.view.value, at))
  }

  private move(event: PointerEvent): void {
    const at = this.screen(event)
    this.store.pointer.value = toImage(this.store.view.value, at)
    if (this.touches.size > 1 && this.touches.has(event.pointerId)) return this.pinch(event.pointerId, at)
    if (this.gesture.kind === 'idle') {
      if (event.pointerType !== 'touch') this.annotator.ahead.move(this.store.pointer.value, !this.isNegative(event))
      return
    }
    if (this.gesture.kind === 'line') return this.extendLine(event, this.gesture)
    if (this.gesture.kind === 'corner') return this.polygon.move(toImage(this.store.view.value, at))
    const [gesture, outcome] = moved(this.gesture, at)
    if (gesture.kind !== 'press') {
      clearTimeout(this.longPress)
      this.annotator.ahead.cancel()
    }
    this.gesture = gesture
    this.store.panning.value = gesture.kind === 'pan'
    this.store.rubber.value = gesture.kind === 'box' ? this.rubber(gesture.from, gesture.to) : null
    this.carryOut(outcome)
  }

  private up(event: PointerEvent): void {
    clearTimeout(this.longPress)
    this.touches.delete(event.pointerId)
    if (this.begunOn !== this.store.current.value) return this.abandon()
    const outcome = released(this.gesture)
    if (this.gesture.kind === 'corner') this.polygon.up()
    if (this.gesture.kind === 'line') this.lines.end(this.gesture.tool, this.gesture.positive)
    this.gesture = IDLE
    this.store.panning.value = false
    this.store.rubber.value = null
    this.carryOut(outcome)
  }

  private isNegative(event: PointerEvent): boolean {
    return this.store.sign.value === 'negative' || event.shiftKey || event.altKey || (IS_MAC && event.ctrlKey)
  }

  private cancel(event: PointerEvent): void {
    this.touches.delete(event.pointerId)
    this.abandon()
  }

  /** Every place the pointer has been at since the last event, so that quick strokes are round too. */
  private extendLine(event: PointerEvent, { tool, positive }: { tool: LineName; positive: boolean }): void {
    clearTimeout(this.longPress)
    const places = event.getCoalescedEvents?.() ?? []
    for (const one of places.length ? places : [event]) {
      this.lines.extend(tool, positive, toImage(this.store.view.value, this.screen(one)))
    }
  }

  private abandon(): void {
    clearTimeout(this.longPress)
    this.lines.cancel()
    this.gesture = IDLE
    this.store.panning.value = false
    this.store.rubber.value = null
  }

  private pressLong(at: Point): void {
    if (this.gesture.kind !== 'press' || this.begunOn !== this.store.current.value) return
    this.abandon()
    this.annotator.click(toImage(this.store.view.value, at), false)
  }

  private carryOut(outcome: Outcome): void {
    const view = this.store.view.value
    if (outcome.kind === 'pan') this.look(panBy(view, outcome.dx, outcome.dy))
    else if (outcome.kind === 'click') this.click(toImage(view, outcome.at), outcome.positive)
    else if (outcome.kind === 'select') this.annotator.selectAt(toImage(view, outcome.at))
    else if (outcome.kind === 'box') this.annotator.box(toImage(view, outcome.from), toImage(view, outcome.to))
  }

  private click(at: Point, positive: boolean): void {
    const corner = this.store.tool.value === 'polygon' && !positive && !this.store.polygon.value && this.polygon.remove(at)
    if (!corner) this.annotator.click(at, positive)
  }

  private doubleClick(event: MouseEvent): void {
    if (this.store.tool.value === 'polygon' && this.store.polygon.value) {
      this.annotator.painter.dropCorner() // the second press of the double click has placed one too many
      return this.annotator.painter.closePolygon(!event.shiftKey && !event.altKey && this.store.sign.value === 'positive')
    }
    if (this.store.tool.value !== 'select') return
    const at = toImage(this.store.view.value, this.screen(event))
    const object = this.store.layers.value?.objectAt(at.x, at.y) ?? null
    if (object === null) return
    this.annotator.reopen(object)
    this.store.tool.value = 'click'
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault()
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
    // Sideways only a touchpad or a tilted wheel scrolls, and that is not a wish to zoom.
    const painting = this.store.tool.value === 'brush' || this.store.tool.value === 'eraser'
    // With Shift browsers scroll sideways instead of down.
    if (painting && event.shiftKey) return this.annotator.painter.resizeBrush(event.deltaY + event.deltaX < 0)
    if (event.shiftKey && this.store.volume.value) return this.annotator.goToSlice(this.store.slice.value + Math.sign(event.deltaY + event.deltaX))
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY)
    if (!event.ctrlKey && (sideways || this.store.wheel.value === 'scroll')) {
      return this.look(panBy(this.store.view.value, -event.deltaX * lines, -event.deltaY * lines))
    }
    const step = event.ctrlKey ? PINCH_STEP : WHEEL_STEP
    const factor = Math.exp(-Math.max(-600, Math.min(600, event.deltaY * lines)) * step)
    this.look(zoomAt(this.store.view.value, this.screen(event), factor))
  }

  private pinch(pointer: number, at: Point): void {
    const other = [...this.touches].find(([id]) => id !== pointer)?.[1]
    const before = this.touches.get(pointer)
    if (!other || !before) return
    this.touches.set(pointer, at)
    const factor = Math.hypot(at.x - other.x, at.y - other.y) / Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1)
    const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 }
    const zoomed = zoomAt(this.store.view.value, middle, factor)
    this.look(panBy(zoomed, (at.x - before.x) / 2, (at.y - before.y) / 2))
  }

  private look(view: View): void {
    const size = this.store.imageSize.value
    this.store.view.value = size ? keepVisible(view, size, this.store.canvas.value) : view
  }

  private rubber(from: Point, to: Point): { x0: number; y0: number; x1: number; y1: number } | null {
    const size = this.store.imageSize.value
    if (!size) return null
    const a = clampToImage(toImage(this.store.view.value, from), size)
    const b = clampToImage(toImage(this.store.view.value, to), size)
    return { x0: Math.min(a.x, b.x), y0: Math.min(a.y, b.y), x1: Math.max(a.x, b.x), y1: Math.max(a.y, b.y) }
  }

  private screen(event: MouseEvent): Point {
    const box = this.surface.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
}

