import { describe, expect, it } from 'vitest'
import { axes, between, clipMatrix, dolly, FIT_MARGIN, fitted, orbit, pan, project, ray, VIEWS, type Camera } from '../src/cloud/camera'
import { add, cross, dot, length, minus, times, turnToZ, rotate, rotateBack, type Vec3 } from '../src/cloud/vector'

const CANVAS = { width: 800, height: 600 }
const CAMERA: Camera = { eye: [1, -2, 3], yaw: 0.7, pitch: -0.4 }
const near = (a: Vec3, b: Vec3, digits = 9): void => a.forEach((v, k) => expect(v).toBeCloseTo(b[k] as number, digits))

/** A point at a place of the screen and a depth. */
const at = (camera: Camera, x: number, y: number, depth: number): Vec3 => {
  const direction = ray(camera, CANVAS, { x, y })
  return add(camera.eye, times(direction, depth / dot(direction, axes(camera).forward)))
}

describe('the camera', () => {
  it('has right-handed axes with z up on the screen', () => {
    const { right, up, forward } = axes(CAMERA)
    near(cross(right, forward), times(up, 1))
    expect(up[2]).toBeGreaterThan(0)
    expect(right[2]).toBe(0)
  })

  it('projects there and back', () => {
    const seen = project(CAMERA, CANVAS, at(CAMERA, 123, 456, 5))
    expect([seen.x, seen.y, seen.depth].map((v) => Math.round(v * 1e6) / 1e6)).toEqual([123, 456, 5])
  })

  it('knows what lies behind it', () => {
    expect(project(CAMERA, CANVAS, minus(CAMERA.eye, axes(CAMERA).forward)).depth).toBeLessThan(0)
  })

  it('gives the shader the places that it computes itself', () => {
    const point = at(CAMERA, 700, 80, 4)
    const matrix = clipMatrix(CAMERA, CANVAS, 0.1, 50)
    const row = (k: number): number => [...point, 1].reduce((sum, v, c) => sum + v * (matrix[c * 4 + k] as number), 0)
    expect(((row(0) / row(3) + 1) / 2) * CANVAS.width).toBeCloseTo(700, 2)
    expect(((1 - row(1) / row(3)) / 2) * CANVAS.height).toBeCloseTo(80, 2)
    expect(row(3)).toBeCloseTo(4, 4)
  })

  it.each([[0.1, -1], [50, 1]])('maps the depth %d to %d', (depth, expected) => {
    const point = at(CAMERA, 400, 300, depth)
    const matrix = clipMatrix(CAMERA, CANVAS, 0.1, 50)
    const row = (k: number): number => [...point, 1].reduce((sum, v, c) => sum + v * (matrix[c * 4 + k] as number), 0)
    expect(row(2) / row(3)).toBeCloseTo(expected, 3)
  })

  it.each([[40, 0], [-300, 25], [10, 4000]])('turns by (%d, %d) about a point that stays where it is', (dx, dy) => {
    const pivot = at(CAMERA, 200, 450, 3)
    const turned = orbit(CAMERA, pivot, dx, dy)
    const seen = project(turned, CANVAS, pivot)
    expect(seen.x).toBeCloseTo(200, 4)
    expect(seen.y).toBeCloseTo(450, 4)
    expect(length(minus(turned.eye, pivot))).toBeCloseTo(length(minus(CAMERA.eye, pivot)), 6)
    expect(Math.abs(turned.pitch)).toBeLessThan(Math.PI / 2)
  })

  it('shows more of the top when the drag goes down, and of the left when it goes right', () => {
    expect(orbit(CAMERA, [0, 0, 0], 0, 50).pitch).toBeLessThan(CAMERA.pitch)
    const pivot = at(CAMERA, 400, 300, 3)
    const front = minus(pivot, times(axes(CAMERA).forward, 0.5))
    expect(project(orbit(CAMERA, pivot, 50, 0), CANVAS, front).x).toBeGreaterThan(project(CAMERA, CANVAS, front).x)
  })

  it('moves so that what was taken hold of follows the hand', () => {
    const held = at(CAMERA, 300, 200, 7)
    const seen = project(pan(CAMERA, CANVAS, 7, 35, -20), CANVAS, held)
    expect(seen.x).toBeCloseTo(335, 6)
    expect(seen.y).toBeCloseTo(180, 6)
  })

  it('comes closer to the point under the pointer, which stays there', () => {
    const target = at(CAMERA, 650, 100, 6)
    const seen = project(dolly(CAMERA, target, 0.5, 0.01), CANVAS, target)
    expect([Math.round(seen.x), Math.round(seen.y)]).toEqual([650, 100])
    expect(seen.depth).toBeCloseTo(3, 6)
  })

  it('goes through a surface instead of stopping in front of it', () => {
    let camera = CAMERA
    const target = at(CAMERA, 400, 300, 1)
    for (let i = 0; i < 40; i++) camera = dolly(camera, target, 0.5, 0.1)
    expect(dot(minus(camera.eye, target), axes(CAMERA).forward)).toBeGreaterThan(-0.11)
    const passed = dolly({ ...camera, eye: minus(target, times(axes(CAMERA).forward, 0.05)) }, target, 0.5, 0.1)
    expect(dot(minus(passed.eye, target), axes(CAMERA).forward)).toBeGreaterThan(0)
  })

  it.each([[0.3, -0.5], [VIEWS.top.yaw, VIEWS.top.pitch], [VIEWS.side.yaw, VIEWS.side.pitch]])('shows everything from yaw %d, pitch %d between the bars', (yaw, pitch) => {
    const points = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i * 12.9898) * [2, 1, 0.3][i % 3]! + [5, -3, 1][i % 3]!)
    const camera = fitted(points, CANVAS, { yaw, pitch })
    const seen = [...Array(100).keys()].map((i) => project(camera, CANVAS, [points[i * 3]!, points[i * 3 + 1]!, points[i * 3 + 2]!]))
    const [xs, ys] = [seen.map((p) => p.x), seen.map((p) => p.y)]
    expect(Math.min(...seen.map((p) => p.depth))).toBeGreaterThan(0)
    expect(Math.min(...xs)).toBeGreaterThan(FIT_MARGIN.side - 1)
    expect(Math.max(...xs)).toBeLessThan(CANVAS.width - FIT_MARGIN.side + 1)
    // The bars are kept free for what lies in the middle; what is nearer is moved a little more.
    expect(Math.min(...ys)).toBeGreaterThan(FIT_MARGIN.top - 8)
    expect(Math.max(...ys)).toBeLessThan(CANVAS.height - FIT_MARGIN.bottom + 8)
    // and not from farther away than needed
    const free = [CANVAS.width - 2 * FIT_MARGIN.side, CANVAS.height - FIT_MARGIN.top - FIT_MARGIN.bottom] as const
    expect(Math.max((Math.max(...xs) - Math.min(...xs)) / free[0], (Math.max(...ys) - Math.min(...ys)) / free[1])).toBeGreaterThan(0.9)
  })

  it('looks down from above with y up on the screen', () => {
    const { right, up, forward } = axes(VIEWS.top)
    near(right, [1, 0, 0], 3)
    near(up, [0, 1, 0], 3)
    near(forward, [0, 0, -1], 3)
  })

  it('flies the short way round', () => {
    const half = between({ eye: [0, 0, 0], yaw: 3, pitch: 0 }, { eye: [2, 0, 0], yaw: -3, pitch: 0.2 }, 0.5)
    expect(Math.abs(half.yaw)).toBeGreaterThan(3)
    near(half.eye, [1, 0, 0])
    expect(half.pitch).toBeCloseTo(0.1)
  })
})

describe('the rotation upright', () => {
  it.each<Vec3>([[0, 0, 1], [0, 0, -1], [0, -1, 0], [0.6, 0, 0.8], [0.48, -0.6, -0.64]])('takes %j to z and back', (...up: number[]) => {
    const direction = up as unknown as Vec3
    near(rotate(turnToZ(direction), direction), [0, 0, 1])
    near(rotateBack(turnToZ(direction), [0, 0, 1]), direction)
    near(rotateBack(turnToZ(direction), rotate(turnToZ(direction), [1, 2, 3])), [1, 2, 3])
  })
})
