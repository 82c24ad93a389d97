/** Where the image lies on the screen. Screen points are CSS pixels in the canvas, image points are continuous. */

export interface View {
  /** CSS pixels per image pixel. */
  readonly scale: number
  /** Screen position of the image's corner. */
  readonly left: number
  readonly top: number
  /** Height of an image pixel divided by its width; 1 where it is left out. */
  readonly aspect?: number
}

/** CSS pixels per image pixel downwards. */
export function scaleDown(view: View): number {
  return view.scale * (view.aspect ?? 1)
}

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export const MIN_SCALE = 0.01
export const MAX_SCALE = 64

export function toImage(view: View, screen: Point): Point {
  return { x: (screen.x - view.left) / view.scale, y: (screen.y - view.top) / scaleDown(view) }
}

export function toScreen(view: View, image: Point): Point {
  return { x: image.x * view.scale + view.left, y: image.y * scaleDown(view) + view.top }
}

/** Free space round a fitted image; at the bottom lies the bar with the object's actions. */
export const FIT_MARGIN = { side: 24, top: 20, bottom: 68 }

/** The whole image, centred, with a margin; small images are not blown up beyond `maxScale`. */
export function fitView(image: Size, canvas: Size, maxScale = 8, aspect = 1): View {
  const { side, top, bottom } = FIT_MARGIN
  const free = { width: Math.max(canvas.width - 2 * side, 16), height: Math.max(canvas.height - top - bottom, 16) }
  const scale = clampScale(Math.min(free.width / image.width, free.height / (image.height * aspect), maxScale))
  const view = centred(image, { width: canvas.width, height: free.height }, scale, aspect)
  return panBy(view, 0, top)
}

/**
 * The view after the canvas has changed its size: what was shown whole stays whole, so that no bar comes to lie over it; else
 * the middle of the picture stays in the middle.
 */
export function resized(view: View, image: Size | null, before: Size, after: Size): View {
  if (image) {
    const whole = fitView(image, before)
    const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(b))
    if (near(view.scale, whole.scale) && near(view.left, whole.left) && near(view.top, whole.top)) return fitView(image, after)
  }
  return { ...view, left: view.left + (after.width - before.width) / 2, top: view.top + (after.height - before.height) / 2 }
}

/** The image centred at a given scale. */
export function centred(image: Size, canvas: Size, scale: number, aspect = 1): View {
  return {
    ...(aspect === 1 ? {} : { aspect }),
    scale,
    left: (canvas.width - image.width * scale) / 2,
    top: (canvas.height - image.height * scale * aspect) / 2,
  }
}

/** Zoom that keeps the image point under `anchor` (screen) where it is. */
export function zoomAt(view: View, anchor: Point, factor: number): View {
  const scale = clampScale(view.scale * factor)
  const fixed = toImage(view, anchor)
  return { ...view, scale, left: anchor.x - fixed.x * scale, top: anchor.y - fixed.y * scale * (view.aspect ?? 1) }
}

export function panBy(view: View, dx: number, dy: number): View {
  return { ...view, left: view.left + dx, top: view.top + dy }
}

/** Keeps at least a strip of the image on the canvas, so that it cannot get lost. */
export function keepVisible(view: View, image: Size, canvas: Size, strip = 48): View {
  return {
    ...view,
    left: Math.min(Math.max(view.left, strip - image.width * view.scale), canvas.width - strip),
    top: Math.min(Math.max(view.top, strip - image.height * scaleDown(view)), canvas.height - strip),
  }
}

/** Moves the view just enough for an image point to be inside the canvas. */
export function reveal(view: View, point: Point, canvas: Size, margin = 32): View {
  const at = toScreen(view, point)
  const dx = Math.max(margin - at.x, 0) - Math.max(at.x - (canvas.width - margin), 0)
  const dy = Math.max(margin - at.y, 0) - Math.max(at.y - (canvas.height - margin), 0)
  return panBy(view, dx, dy)
}

export function insideImage(point: Point, image: Size): boolean {
  return point.x >= 0 && point.y >= 0 && point.x < image.width && point.y < image.height
}

export function clampToImage(point: Point, image: Size): Point {
  return { x: Math.min(Math.max(point.x, 0), image.width), y: Math.min(Math.max(point.y, 0), image.height) }
}

function clampScale(scale: number): number {
  return Math.min(Math.max(scale, MIN_SCALE), MAX_SCALE)
}
