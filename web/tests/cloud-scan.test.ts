import { describe, expect, it } from 'vitest'
import { colouringsOf, paintPoints } from '../src/cloud/colours'
import { FLAG, Marks } from '../src/cloud/marks'
import { parseChunk } from '../src/cloud/packet'
import { robustBounds, Scan, typicalSpacing } from '../src/cloud/scan'
import { createCloudState } from '../src/cloud/state'
import { firstLook, readCamera } from '../src/cloud/views'
import { axes } from '../src/cloud/camera'
import { Layers } from '../src/state/layers'
import { EMPTY_MASK, encodeRuns } from '../src/state/runs'
import { grid, plan, smallScan } from './cloud-fake'
import { object } from './fake'

function packet(flags: number, n: number, extra: readonly number[] = []): ArrayBuffer {
  const bytes = new Uint8Array(16 + 16 * n + extra.length)
  const view = new DataView(bytes.buffer)
  bytes.set([0x50, 0x31])
  view.setUint16(2, flags, true)
  view.setUint32(8, 7, true)
  view.setUint32(12, n, true)
  for (let i = 0; i < 3 * n; i++) view.setFloat32(16 + 4 * i, i / 2, true)
  for (let i = 0; i < n; i++) view.setUint32(16 + 12 * n + 4 * i, 40 + i, true)
  bytes.set(extra, 16 + 16 * n)
  return bytes.buffer
}

describe('points as they travel', () => {
  it('are read with padding after colours and intensities', () => {
    const chunk = parseChunk(packet(3, 2, [1, 2, 3, 4, 5, 6, 0, 0, 9, 8, 0, 0]))
    expect(chunk.first).toBe(7)
    expect([...chunk.positions]).toEqual([0, 0.5, 1, 1.5, 2, 2.5])
    expect([...chunk.rows]).toEqual([40, 41])
    expect([...(chunk.rgb as Uint8Array)]).toEqual([1, 2, 3, 4, 5, 6])
    expect([...(chunk.intensity as Uint8Array)]).toEqual([9, 8])
  })

  it('may come without colours', () => {
    const chunk = parseChunk(packet(2, 1, [77, 0, 0, 0]))
    expect(chunk.rgb).toBeNull()
    expect([...(chunk.intensity as Uint8Array)]).toEqual([77])
  })

  it.each([[new ArrayBuffer(4)], [packet(1, 2)], [new Uint8Array(32).buffer]])('are refused when they are damaged', (buffer) => {
    expect(() => parseChunk(buffer)).toThrow(RangeError)
  })
})

describe('a scan', () => {
  it('knows the place of a row and the file’s coordinates of a point', () => {
    const scan = smallScan()
    expect([0, 1, 2, 3, 4, 9].map((row) => scan.placeOf(row))).toEqual([1, null, 3, 0, 2, null])
    expect(scan.inFile(0)).toEqual([103, 200, 301])
  })

  it('refuses chunks out of turn and more points than were announced', () => {
    const chunk = { first: 1, positions: new Float32Array(3), rows: Uint32Array.of(0), rgb: null, intensity: null }
    expect(() => new Scan(plan()).append(chunk)).toThrow(RangeError)
    expect(() => smallScan().append({ ...chunk, first: 4 })).toThrow(RangeError)
  })

  it('is shown with its own up as z', () => {
    const scan = smallScan({ up: [0, -1, 0] })
    expect(scan.shown(0).map((v) => Math.round(v * 1e6) / 1e6)).toEqual([3, 1, 0])
    expect(scan.corners).toHaveLength(8)
  })

  it('is measured without single points far out', () => {
    const points = Float32Array.from([...grid(40), 500, 500, 500])
    const { low, high } = robustBounds(points)
    expect(Math.max(...high)).toBeLessThan(5)
    expect(Math.min(...low)).toBeGreaterThan(-1)
  })

  it('tells how far apart neighbours are, from a sample', () => {
    const points = grid(60)
    const sample = points.slice(0, 900 * 3)
    expect(typicalSpacing(sample, 3600)).toBeGreaterThan(0.06)
    expect(typicalSpacing(sample, 3600)).toBeLessThan(0.22)
  })
})

describe('the first look', () => {
  const canvas = { width: 800, height: 600 }

  it('is from where the sensor was, if the cloud is what one camera saw', () => {
    const scan = smallScan({ origin: [0, 0, 0], up: [0, -1, 0], box: [[-1, -1, 1], [1, 1, 2]] })
    // In the upright frame the camera looks along y.
    const { forward } = axes(firstLook(scan, Float32Array.of(-1, 1, 0, 1, 2, 0, 0, 1.5, -0.4), canvas))
    expect(forward[1]).toBeGreaterThan(0.6)
    expect(forward[2]).toBeLessThan(-0.3)
  })

  it('is from a corner for rooms and for maps with large coordinates', () => {
    for (const origin of [[0, 0, 0], [450_000, 5_400_000, 200]] as const) {
      const scan = smallScan({ origin, box: [[-2, -2, -1], [2, 2, 1]] })
      expect(firstLook(scan, scan.sample(), canvas).yaw).toBeCloseTo(Math.PI / 3)
    }
  })

  it('is remembered, and nonsense is not taken for one', () => {
    const camera = { eye: [1, 2, 3] as const, yaw: 1, pitch: -1 }
    expect(readCamera(JSON.stringify(camera))).toEqual(camera)
    for (const text of [null, '', '{}', '{"eye":[1,2],"yaw":0,"pitch":0}', '{"eye":[1,2,null],"yaw":0,"pitch":0}']) expect(readCamera(text)).toBeNull()
  })
})

describe('colours', () => {
  it('are offered for what the cloud has', () => {
    expect(colouringsOf(smallScan())).toEqual(['rgb', 'label', 'height', 'intensity'])
    expect(colouringsOf(smallScan({ fields: [] }))).toEqual(['label', 'height'])
    const state = createCloudState()
    state.scan.value = smallScan({ fields: [] })
    expect(state.colouring.value).toBe('height')
    state.wanted.value = 'label'
    expect(state.colouring.value).toBe('label')
  })

  it('are those of the file, greys, or a ramp over the height', () => {
    const scan = smallScan()
    const into = new Uint8Array(16)
    paintPoints(scan, 'rgb', [0, 1], 0, 4, into)
    expect([...into.slice(0, 8)]).toEqual([255, 0, 0, 255, 0, 255, 0, 255])
    paintPoints(scan, 'label', [0, 1], 0, 4, into)
    expect(into[0]).toBe(into[2])
    paintPoints(scan, 'intensity', [0, 1], 0, 2, into)
    expect(into[4]).toBeGreaterThan(into[0] as number)
    paintPoints(scan, 'height', [0, 1], 0, 4, into)
    // Row 3 is highest (yellow), row 0 lowest (violet).
    expect(into[0]).toBeGreaterThan(200)
    expect(into[6]).toBeGreaterThan(into[5] as number)
  })
})

describe('marks', () => {
  it('tell every drawn point its object, by the order of the file', () => {
    const scan = smallScan()
    const layers = new Layers({ width: 5, height: 1 })
    const mask = (rows: readonly number[]) => encodeRuns(Uint8Array.from({ length: 5 }, (_, i) => (rows.includes(i) ? 1 : 0)), 5, { x0: 0, y0: 0, x1: 5, y1: 1 })
    layers.setObjects([object(1, { state: 'finished' }), object(2), object(3, { state: 'finished', hidden: true })], 2)
    layers.setMask(1, 1, mask([0, 1]))
    layers.setMask(2, 1, mask([3]))
    layers.setMask(3, 1, mask([4]))
    const marks = new Marks(scan)
    marks.refresh({ layers, hidden: [layers.maskOf(3)], ghosts: mask([2]), preview: EMPTY_MASK })
    expect([...marks.drawn]).toEqual([FLAG.active, layers.slotOf(1), FLAG.hidden, FLAG.ghost])
    layers.setMask(2, 2, EMPTY_MASK)
    marks.refresh({ layers, hidden: [], ghosts: EMPTY_MASK, preview: mask([0]) })
    expect([...marks.drawn]).toEqual([0, layers.slotOf(1) | FLAG.preview, 0, 0])
  })
})
