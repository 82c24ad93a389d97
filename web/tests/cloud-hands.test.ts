import { describe, expect, it } from 'vitest'
import type { Camera } from '../src/cloud/camera'
import { around, edges, holds, withSide } from '../src/cloud/clip'
import { IDLE, moved, pressed, released, type Gesture } from '../src/cloud/gesture'
import { frontHit, nearestHit } from '../src/cloud/hits'
import { isInside, packRows, pointsInside } from '../src/cloud/lasso'
import { Pace } from '../src/cloud/pace'
import { pointDiameter } from '../src/cloud/renderer'
import { Scan } from '../src/cloud/scan'
import { isOffered, modelsOf, withModel } from '../src/state/media'
import { plan } from './cloud-fake'

const window = (rows: readonly string[]) => ({
  side: rows.length, points: Uint32Array.from([...rows.join('')].map((c) => (c === '.' ? 0 : Number(c)))),
})

describe('picking', () => {
  it('takes what is drawn under the pointer', () => {
    expect(nearestHit(window(['111', '121', '111']))).toBe(1)
  })

  it('takes the nearest point within reach when it misses', () => {
    expect(nearestHit(window(['3....', '.....', '.....', '...4.', '.....']))).toBe(3)
    expect(nearestHit(window(['.....', '..7..', '.....', '...4.', '.....']))).toBe(6)
  })

  it('does not reach through a crack between nearer points, but past an edge', () => {
    // Point 2 lies behind, all others in front.
    const depthOf = (point: number): number => (point === 1 ? 4 : 2)
    expect(frontHit(window(['113', '121', '111']), depthOf)).not.toBe(1)
    expect(frontHit(window(['122', '122', '122']), depthOf)).toBe(1)
    expect(frontHit(window(['111', '121', '111']), () => 2)).toBe(1)
    expect(frontHit(window(['...', '...', '...']), depthOf)).toBeNull()
  })

  it('takes nothing out of reach: the window is round', () => {
    expect(nearestHit(window(['5...5', '.....', '.....', '.....', '5...5']))).toBeNull()
    expect(nearestHit(window(['...', '...', '...']))).toBeNull()
  })
})

describe('the box', () => {
  const box = { low: [0, 0, 0], high: [1, 2, 3] } as const

  it('holds its sides and what lies between', () => {
    expect(holds(box, [0, 2, 1])).toBe(true)
    expect(holds(box, [0, 2.01, 1])).toBe(false)
  })

  it('has sides that never pass each other', () => {
    expect(withSide(box, 1, 'low', 5).low).toEqual([0, 2, 0])
    expect(withSide(box, 2, 'high', -1).high).toEqual([1, 2, 0])
    expect(withSide(box, 0, 'high', 0.5)).toEqual({ low: [0, 0, 0], high: [0.5, 2, 3] })
  })

  it('is laid round an object with some air', () => {
    expect(around([[1, 1, 1], [3, 1, 0]], 0.1)).toEqual({ low: [0.8, 0.8, -0.2], high: [3.2, 1.2, 1.2] })
    expect(around([], 0.1)).toBeNull()
  })

  it('has twelve edges along the axes', () => {
    const all = edges(box)
    expect(all).toHaveLength(12)
    for (const [a, b] of all) expect(a.filter((v, k) => v !== b[k])).toHaveLength(1)
  })
})

describe('gestures over a cloud', () => {
  const press = { button: 0, at: { x: 10, y: 10 }, negative: false, panning: false, tool: 'click' } as const
  const drag = (gesture: Gesture): string => moved(gesture, { x: 40, y: 10 })[0].kind

  it('a press that stays is a click, with its sign', () => {
    expect(released(pressed(press))).toEqual({ kind: 'click', at: press.at, positive: true })
    expect(released(pressed({ ...press, button: 2 }))).toMatchObject({ positive: false })
    expect(released(pressed({ ...press, negative: true }))).toMatchObject({ positive: false })
    expect(released(moved(pressed(press), { x: 12, y: 11 })[0])).toMatchObject({ kind: 'click' })
  })

  it.each([
    ['left', press, 'orbit'], ['right', { ...press, button: 2 }, 'pan'], ['middle', { ...press, button: 1 }, 'pan'],
    ['Shift and left', { ...press, negative: true }, 'pan'], ['Space and left', { ...press, panning: true }, 'pan'],
  ] as const)('a drag with %s is no click', (_, pressed_, kind) => {
    expect(drag(pressed(pressed_))).toBe(kind)
    expect(released(moved(pressed(pressed_), { x: 40, y: 10 })[0])).toEqual({ kind: 'none' })
  })

  it('counts the way from where the drag began', () => {
    expect(moved(pressed(press), { x: 40, y: 13 })[1]).toEqual({ kind: 'orbit', dx: 30, dy: 3 })
  })

  it('draws a loop with the lasso', () => {
    let gesture = pressed({ ...press, tool: 'lasso', negative: true })
    for (const at of [{ x: 30, y: 10 }, { x: 30, y: 30 }]) gesture = moved(gesture, at)[0]
    expect(released(gesture)).toMatchObject({ kind: 'lasso', positive: false })
    expect(released(pressed({ ...press, tool: 'lasso' }))).toEqual({ kind: 'none' })
  })

  it('selects with the tool for it', () => {
    expect(released(pressed({ ...press, tool: 'select' }))).toEqual({ kind: 'select', at: press.at })
    expect(pressed({ ...press, button: 3 })).toBe(IDLE)
  })
})

describe('the lasso', () => {
  // Looking along y: a wall of four points at y = 1 and one hidden behind it at y = 3.
  const scan = new Scan(plan({ points: 6, shown: 5, origin: [0, 0, 0], box: [[-1, 1, -1], [1, 3, 1]], fields: [] }))
  scan.append({
    first: 0, positions: Float32Array.of(-0.1, 1, 0.1, 0.1, 1, 0.1, -0.1, 1, -0.1, 0.1, 1, -0.1, 0, 3, 0), rows: Uint32Array.of(5, 4, 2, 0, 3),
    rgb: null, intensity: null,
  })
  const camera: Camera = { eye: [0, 0, 0], yaw: Math.PI / 2, pitch: 0 }
  const canvas = { width: 400, height: 400 }
  const square = (x0: number, y0: number, x1: number, y1: number) => [{ x: x0, y: y0 }, { x: x1, y: y0 }, { x: x1, y: y1 }, { x: x0, y: y1 }]
  const sight = { scan, camera, canvas, clip: null, spacing: 0.05, shown: () => true, drawnAt: (): number => 1 }

  it('goes round what can be seen', () => {
    expect(pointsInside(square(0, 0, 400, 400), sight).sort()).toEqual([0, 2, 4, 5])
    expect(pointsInside(square(0, 0, 200, 400), sight).sort()).toEqual([2, 5])
    expect(pointsInside(square(0, 0, 400, 400), { ...sight, drawnAt: () => 0 }).sort()).toEqual([0, 2, 3, 4, 5])
  })

  it('leaves out what is cut off or hidden', () => {
    expect(pointsInside(square(0, 0, 400, 400), { ...sight, clip: { low: [-1, 0, 0], high: [1, 2, 1] } }).sort()).toEqual([4, 5])
    expect(pointsInside(square(0, 0, 400, 400), { ...sight, shown: (i) => i !== 0 }).sort()).toEqual([0, 2, 4])
  })

  it('is even-odd', () => {
    const eight = [{ x: 0, y: 0 }, { x: 10, y: 10 }, { x: 10, y: 0 }, { x: 0, y: 10 }]
    expect([isInside(eight, 2, 5), isInside(eight, 8, 5), isInside(eight, 5, 1)]).toEqual([true, true, false])
  })

  it('travels as run lengths along the file', () => {
    const bytes = (rows: readonly number[]): number[] => [...atob(packRows(rows))].map((c) => c.charCodeAt(0))
    expect(bytes([4, 2, 3, 9])).toEqual([2, 3, 4, 1])
    expect(bytes([0])).toEqual([0, 1])
    expect(bytes([300])).toEqual([172, 2, 1])
    expect(bytes([])).toEqual([])
  })
})

describe('the pace', () => {
  it('draws fewer points where frames are slow, and coarser where few points are slow too', () => {
    const pace = new Pace(600_000)
    pace.note(84, 600_000)
    expect(pace.budget).toBe(300_000)
    expect(pace.detail).toBe(1)
    pace.note(900, 80_000)
    expect([pace.budget, pace.detail]).toEqual([20_000, 0.5])
  })

  it('shows a sample at rest where all points would take too long', () => {
    const pace = new Pace(600_000)
    expect(pace.limit).toBe(Infinity)
    pace.note(10, 200_000)
    expect(pace.limit).toBe(30_000_000)
    pace.note(1000, 200_000)
    expect(pace.limit).toBe(300_000)
    pace.note(1000, 20_000)
    expect(pace.limit).toBe(300_000)
    pace.note(1000, 100_000)
    expect(pace.limit).toBe(250_000)
  })

  it('draws more again where frames are quick', () => {
    const pace = new Pace(100_000)
    pace.note(5, 50_000)
    expect(pace.budget).toBe(100_000)
    pace.note(5, 100_000)
    expect(pace.budget).toBe(125_000)
  })
})

it('points close a surface at any distance, within limits', () => {
  expect(pointDiameter(0.01, 0.0001, 1)).toBe(36)
  expect(pointDiameter(0.01, 0.01, 1)).toBe(1.5)
  expect(pointDiameter(0.01, 0.004, 2)).toBeCloseTo(7.5, 5)
})

describe('kinds of media', () => {
  const kinds = [{ name: 'photo', title: '', commands: ['click', 'box'] }, { name: 'cloud', title: '', commands: ['click', 'select'] }] as const

  it('are offered what the server does with them', () => {
    expect(isOffered('tool-box', 'photo', kinds)).toBe(true)
    expect(isOffered('tool-box', 'cloud', kinds)).toBe(false)
    expect(isOffered('tool-lasso', 'cloud', kinds)).toBe(true)
    expect(isOffered('view-top', 'photo', kinds)).toBe(false)
    expect(isOffered('loupe', 'cloud', undefined)).toBe(false)
    expect(isOffered('undo', 'cloud', kinds)).toBe(true)
  })

  it('have models of their own', () => {
    const one = (current: string) => ({ current, state: 'ready' as const, problem: null, models: [] })
    const models = { ...one('default'), kinds: { photo: one('default'), cloud: one('points') } }
    expect(modelsOf(models, 'cloud')?.current).toBe('points')
    const loading = withModel(models, { kind: 'cloud', current: 'other', state: 'loading', problem: null })
    expect([loading.current, loading.kinds?.cloud?.current, loading.kinds?.photo?.current]).toEqual(['default', 'other', 'default'])
    expect(withModel(models, { kind: 'photo', current: 'new', state: 'ready', problem: null }).current).toBe('new')
    expect(withModel(one('a'), { current: 'b', state: 'ready', problem: null }).current).toBe('b')
  })
})
