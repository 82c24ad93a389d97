/** What both renderers of clouds can do. Sizes are CSS pixels; `ratio` is device pixels per CSS pixel. */

import type { Rgb } from '../state/palette'
import type { Size } from '../state/view'
import { axes, type Camera } from './camera'
import type { Clip } from './clip'
import type { HitWindow } from './hits'
import type { Scan } from './scan'
import { dot, minus, type Vec3 } from './vector'

export interface CloudScene {
  readonly camera: Camera
  readonly canvas: Size
  readonly ratio: number
  /** Distances along the view between which everything lies. */
  readonly near: number
  readonly far: number
  /** Typical distance between neighbours among the points that this picture will have. */
  readonly spacing: number
  /** Factor that the person has chosen. */
  readonly pointSize: number
  readonly clip: Clip | null
  readonly opacity: number
  readonly masksShown: boolean
  /** How much darker points are that belong to no object at work, 0 to 1. */
  readonly dimmed: number
  readonly activeColour: Rgb
  /** Eye-dome lighting: 0 off. */
  readonly lighting: number
}

export interface CloudRenderer {
  readonly kind: 'webgl2' | 'canvas2d'
  /** Points that one frame can take without making people wait; the start, before anything is measured. */
  readonly budget: number
  /** Makes room for a cloud, whose points come with `append`. */
  hold(scan: Scan): void
  /** Takes the points `from` to `to` of the scan that is held. */
  append(from: number, to: number): void
  /** r, g, b, 255 a point, for the points `from` to `to`. */
  setColours(colours: Uint8Array, from: number, to: number): void
  /** Slot and flags a point (marks.ts), for the points `from` to `to`. */
  setMarks(marks: Uint32Array, from: number, to: number): void
  /** RGBA per object slot, see state/styles.ts. */
  setStyles(table: Uint8Array): void
  /** Begins a picture. */
  begin(scene: CloudScene): void
  /** Draws the points `from` to `to` into it. */
  draw(from: number, to: number): void
  /** Lights the picture and shows it. */
  show(): void
  /** Resolves when everything asked for so far is on the screen. */
  done(): Promise<void>
  /** The points that are drawn round a place in CSS pixels. */
  hits(x: number, y: number, radius: number): HitWindow
  clear(): void
  dispose(): void
}

/** Diameter of a point in CSS pixels: what closes a surface at its distance, within limits. */
export const POINT = { least: 1.5, most: 36, cover: 1.5 } as const

export function pointDiameter(spacing: number, pixel: number, factor: number): number {
  return Math.min(Math.max((spacing * POINT.cover * factor) / pixel, POINT.least * Math.min(factor, 1)), POINT.most * factor)
}

/** Distances along the view between which all corners lie; what is behind the eye or too near is cut off. */
export function depthRange(camera: Camera, corners: readonly Vec3[]): { near: number; far: number } {
  const { forward } = axes(camera)
  const depths = corners.map((corner) => dot(minus(corner, camera.eye), forward))
  const far = Math.max(...depths) * 1.01 + 1e-3
  return { near: Math.max(Math.min(...depths) * 0.99, far / 4000), far }
}
