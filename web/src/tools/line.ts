/** Lines that are drawn by dragging: scribbles and lassos for the model, strokes of the brush and the eraser. */

import type { Annotator } from '../state/annotator'
import type { LineName } from '../state/gesture'
import type { Stroke } from '../state/layers'
import type { Store } from '../state/store'
import type { Point } from '../state/view'

/** Steps shorter than this, in screen pixels, say nothing new. */
const STEP = 1.5

export class LineTool {
  private points: Point[] = []
  private stroke: Stroke | null = null

  constructor(private readonly store: Store, private readonly annotator: Annotator) {}

  begin(tool: LineName, positive: boolean, at: Point): void {
    this.points = [at]
    if (tool === 'brush' || tool === 'eraser') this.beginStroke(positive === (tool === 'brush'))
    else this.show(tool, positive)
  }

  extend(tool: LineName, positive: boolean, at: Point): void {
    const last = this.points[this.points.length - 1] as Point
    if (Math.hypot(at.x - last.x, at.y - last.y) * this.store.view.value.scale < STEP) return
    this.points.push(at)
    if (this.stroke) this.paint(this.points.length - 1)
    else this.show(tool, positive)
  }

  end(tool: LineName, positive: boolean): void {
    const { points, stroke } = this
    this.stroke = null
    this.store.line.value = null
    this.points = []
    if (stroke) this.annotator.painter.paint(stroke)
    else if (tool === 'cut') this.annotator.painter.split(points)
    else if (tool === 'scribble' || tool === 'lasso') this.annotator.drawLine(tool, points, positive)
  }

  cancel(): void {
    const { stroke } = this
    if (stroke) this.store.layers.value?.forgetStrokes((one) => one === stroke)
    if (stroke) this.store.pixels.value++
    this.stroke = null
    this.store.line.value = null
    this.points = []
  }

  private beginStroke(positive: boolean): void {
    const { layers, brushRadius } = this.store
    if (!layers.value || !this.annotator.painter.mayPaint(positive)) return
    this.stroke = { seq: null, points: this.points, radius: brushRadius.value, positive }
    layers.value.beginStroke(this.stroke)
    this.paint(0)
  }

  private paint(from: number): void {
    if (this.stroke) this.store.layers.value?.extendStroke(this.stroke, from)
    this.store.pixels.value++
  }

  private show(tool: LineName, positive: boolean): void {
    this.store.line.value = { kind: tool === 'scribble' ? 'scribble' : tool === 'cut' ? 'cut' : 'lasso', points: this.points.map((p) => [p.x, p.y] as const), positive }
  }
}
