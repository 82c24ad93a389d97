/**
 * Where a cloud is looked at from. A camera is a place and two angles, so it can turn about any point, not only about one in
 * the middle of the screen; z is up and stays up.
 */

import type { Point, Size } from '../state/view'
import { add, cross, dot, length, minus, mix, times, type Vec3 } from './vector'

export interface Camera {
  readonly eye: Vec3
  /** Of the view's direction in the ground plane, radians from x towards y. */
  readonly yaw: number
  /** Of the view's direction above the ground plane, radians. */
  readonly pitch: number
}

export interface Axes {
  readonly right: Vec3
  readonly up: Vec3
  readonly forward: Vec3
}

export interface Projected extends Point {
  /** Distance along the view's direction; at most 0 behind the camera. */
  readonly depth: number
}

/** Height of the field of view, radians. */
export const FIELD = (50 * Math.PI) / 180
const TAN = Math.tan(FIELD / 2)
/** Straight down and straight up, where left and right still mean something. */
const STEEPEST = Math.PI / 2 - 1e-4
/** Radians per screen pixel. */
const TURN = 0.005

export type ViewName = 'top' | 'front' | 'side'
export const VIEWS: Readonly<Record<ViewName, { readonly yaw: number; readonly pitch: number }>> = {
  top: { yaw: Math.PI / 2, pitch: -STEEPEST },
  front: { yaw: Math.PI / 2, pitch: 0 },
  side: { yaw: Math.PI, pitch: 0 },
}

export function axes({ yaw, pitch }: Pick<Camera, 'yaw' | 'pitch'>): Axes {
  const forward: Vec3 = [Math.cos(pitch) * Math.cos(yaw), Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch)]
  const right: Vec3 = [Math.sin(yaw), -Math.cos(yaw), 0]
  return { right, up: cross(right, forward), forward }
}

/** Where a point is seen, in screen pixels of the canvas. */
export function project(camera: Camera, canvas: Size, point: Vec3): Projected {
  const { right, up, forward } = axes(camera)
  const offset = minus(point, camera.eye)
  const depth = dot(offset, forward)
  const scale = canvas.height / (2 * TAN * Math.max(depth, 1e-9))
  return { x: canvas.width / 2 + dot(offset, right) * scale, y: canvas.height / 2 - dot(offset, up) * scale, depth }
}

/** Unit vector from the eye through a place on the screen. */
export function ray(camera: Camera, canvas: Size, at: Point): Vec3 {
  const { right, up, forward } = axes(camera)
  const x = ((at.x - canvas.width / 2) / canvas.height) * 2 * TAN
  const y = ((canvas.height / 2 - at.y) / canvas.height) * 2 * TAN
  const through = add(forward, add(times(right, x), times(up, y)))
  return times(through, 1 / length(through))
}

/** What a screen pixel is wide at a distance along the view's direction. */
export function pixelAt(canvas: Size, depth: number): number {
  return (2 * TAN * depth) / canvas.height
}

/** Turns about a point, which stays where it is on the screen; the screen distances are those of a drag. */
export function orbit(camera: Camera, pivot: Vec3, dx: number, dy: number): Camera {
  const before = axes(camera)
  const offset = minus(pivot, camera.eye)
  const pitch = Math.min(Math.max(camera.pitch - dy * TURN, -STEEPEST), STEEPEST)
  const turned = { yaw: wrap(camera.yaw - dx * TURN), pitch }
  const after = axes(turned)
  const kept = add(
    add(times(after.right, dot(offset, before.right)), times(after.up, dot(offset, before.up))), times(after.forward, dot(offset, before.forward)),
  )
  return { ...turned, eye: minus(pivot, kept) }
}

/** Moves sideways so that what lies at a depth follows the drag. */
export function pan(camera: Camera, canvas: Size, depth: number, dx: number, dy: number): Camera {
  const { right, up } = axes(camera)
  const pixel = pixelAt(canvas, depth)
  return { ...camera, eye: add(camera.eye, add(times(right, -dx * pixel), times(up, dy * pixel))) }
}

/**
 * Moves to or from a point, which stays where it is on the screen; `factor` below 1 comes closer. Where the point is almost
 * reached the camera goes on through it by `least`, so that nobody gets stuck in front of a surface.
 */
export function dolly(camera: Camera, towards: Vec3, factor: number, least: number): Camera {
  const offset = minus(towards, camera.eye)
  const step = times(offset, 1 - factor)
  const far = length(offset)
  if (factor < 1 && far * (1 - factor) < least && far > 0) return { ...camera, eye: add(camera.eye, times(offset, least / far)) }
  return { ...camera, eye: add(camera.eye, step) }
}

/** Free space that a fitted cloud has round it, CSS pixels: above and below it lie bars. */
export const FIT_MARGIN = { side: 28, top: 64, bottom: 76 } as const

/**
 * Looks in a direction from where all points are on the screen, in the middle of what the bars leave free. `points` are
 * coordinates one after another; `air` above 1 keeps farther away.
 */
export function fitted(points: Float32Array, canvas: Size, { yaw, pitch }: Pick<Camera, 'yaw' | 'pitch'>, air = 1): Camera {
  const { right, up, forward } = axes({ yaw, pitch })
  const { side, top, bottom } = canvas.height > 400 ? FIT_MARGIN : { side: 8, top: 8, bottom: 8 }
  const seen = along(points, [right, up, forward])
  const free = { width: Math.max(canvas.width - 2 * side, 16), height: Math.max(canvas.height - top - bottom, 16) }
  // Tangents of the half angles of the free part.
  const [wide, high] = [(TAN * free.width) / canvas.height / air, (TAN * free.height) / canvas.height / air]
  const [x, y] = [centreOf(seen, 0, wide), centreOf(seen, 1, high)]
  let back = -Infinity
  for (let i = 0; i < seen.length; i += 3) {
    const across = Math.max(Math.abs((seen[i] as number) - x) / wide, Math.abs((seen[i + 1] as number) - y) / high)
    back = Math.max(back, across - (seen[i + 2] as number))
  }
  if (seen.length === 0) back = 1
  const lifted = y - ((bottom - top) / 2) * pixelAt(canvas, middleDepth(seen, back))
  const eye = add(add(times(right, x), times(up, lifted)), times(forward, -back))
  return { yaw, pitch, eye }
}

/** Coordinates along three axes. */
function along(points: Float32Array, onto: readonly [Vec3, Vec3, Vec3]): Float32Array {
  const out = new Float32Array(points.length)
  for (let i = 0; i < points.length; i += 3) {
    const point: Vec3 = [points[i] as number, points[i + 1] as number, points[i + 2] as number]
    for (let k = 0; k < 3; k++) out[i + k] = dot(point, onto[k] as Vec3)
  }
  return out
}

/**
 * Where the eye has to be along one axis of the screen so that what sticks out on either side needs the same distance: the
 * sides of the field of view, as lines in depth, touch the points on both.
 */
function centreOf(seen: Float32Array, axis: 0 | 1, tangent: number): number {
  let [low, high] = [Infinity, -Infinity]
  for (let i = 0; i < seen.length; i += 3) {
    const slant = (seen[i + 2] as number) * tangent
    low = Math.min(low, (seen[i + axis] as number) + slant)
    high = Math.max(high, (seen[i + axis] as number) - slant)
  }
  return seen.length ? (low + high) / 2 : 0
}

function middleDepth(seen: Float32Array, back: number): number {
  let sum = 0
  for (let i = 2; i < seen.length; i += 3) sum += (seen[i] as number) + back
  return (sum * 3) / Math.max(seen.length, 1)
}

/** The camera between two others; angles go the short way round. */
export function between(from: Camera, to: Camera, share: number): Camera {
  return {
    eye: mix(from.eye, to.eye, share), yaw: wrap(from.yaw + wrap(to.yaw - from.yaw) * share), pitch: from.pitch + (to.pitch - from.pitch) * share,
  }
}

/** From the cloud's frame to clip space, as a shader takes it. */
export function clipMatrix(camera: Camera, canvas: Size, near: number, far: number): Float32Array {
  const { right, up, forward } = axes(camera)
  const fy = 1 / TAN
  const fx = (fy * canvas.height) / canvas.width
  const a = (far + near) / (far - near)
  const b = (-2 * far * near) / (far - near)
  const row = (axis: Vec3, scale: number): readonly number[] => [...axis.map((v) => v * scale), -dot(axis, camera.eye) * scale]
  const [x, y, depth] = [row(right, fx), row(up, fy), row(forward, 1)]
  const matrix = new Float32Array(16)
  for (let k = 0; k < 4; k++) {
    matrix[k * 4] = x[k] as number
    matrix[k * 4 + 1] = y[k] as number
    matrix[k * 4 + 2] = (depth[k] as number) * a + (k === 3 ? b : 0)
    matrix[k * 4 + 3] = depth[k] as number
  }
  return matrix
}

function wrap(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI))
}
