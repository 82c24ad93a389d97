/** Lines that are seen on every picture. */

import type { Ring } from '../state/outline'
import { toScreen, type View } from '../state/view'

/** Rings as a path on the screen, to be filled by the even-odd rule. */
export function ringPath(view: View, rings: readonly Ring[]): Path2D {
  const path = new Path2D()
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      const at = toScreen(view, { x: ring[i] as number, y: ring[i + 1] as number })
      if (i === 0) path.moveTo(at.x, at.y)
      else path.lineTo(at.x, at.y)
    }
    path.closePath()
  }
  return path
}

/** White on black: seen on every picture. */
export function strokeTwice(context: CanvasRenderingContext2D, path: Path2D, dash: readonly number[], colour = '#fff'): void {
  context.lineWidth = 3
  context.strokeStyle = 'rgba(0, 0, 0, 0.55)'
  context.stroke(path)
  context.lineWidth = 1.25
  context.strokeStyle = colour
  context.setLineDash([...dash])
  context.stroke(path)
  context.setLineDash([])
}
