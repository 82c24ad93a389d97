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
