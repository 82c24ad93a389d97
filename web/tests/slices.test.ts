import { expect, it as test } from 'vitest'
import { encodeRuns, EMPTY_MASK, maskContains, type RunMask } from '../src/state/runs'
import { layerOf, middleSlice, promptsOn, toTall, windowOf, type VolumeInfo } from '../src/state/slices'
import type { Prompt } from '../src/state/wire'
import { fitView, scaleDown, toImage, toScreen, zoomAt } from '../src/state/view'
import { Annotator } from '../src/state/annotator'
import { createStore } from '../src/state/store'
import { parseRecords } from '../src/state/wire'
import { fakePorts, image, object, ready, record } from './fake'

const ROWS = 4

/** Three slices of 4 x 5, one below the other. */
function tall(): { pixels: Uint8Array; mask: RunMask } {
  const pixels = new Uint8Array(60)
  for (const at of [6, 7, 11, 12, 13, 18, 19, 20, 24, 43, 44, 48]) pixels[at] = 1
  return { pixels, mask: encodeRuns(pixels, 5, { x0: 0, y0: 1, x1: 5, y1: 10 }) }
}

test('the part of a mask on a slice has just the pixels of that slice', () => {
  const { pixels, mask } = tall()
  for (let slice = 0; slice < 3; slice++) {
    const layer = layerOf(mask, slice, ROWS)
    for (let y = 0; y < ROWS; y++) {
      for (let x = 0; x < 5; x++) expect(maskContains(layer, x + 0.5, y + 0.5)).toBe(pixels[(slice * ROWS + y) * 5 + x] === 1)
    }
  }
  expect(layerOf(mask, 5, ROWS)).toBe(EMPTY_MASK)
})

test('prompts keep their numbers; those of other slices are out of reach', () => {
  const prompts: Prompt[] = [
    { kind: 'click', x: 1, y: 5.5, positive: true }, { kind: 'mask', painted: true }, { kind: 'click', x: 2, y: 1.5, positive: false },
    { kind: 'box', x0: 0, y0: 4, x1: 3, y1: 7 }, { kind: 'lasso', points: [[0, 4], [3, 4], [3, 7]], positive: true },
  ]
  const here = promptsOn(prompts, 1, ROWS)
  expect(here.length).toBe(prompts.length)
  expect(here[0]).toEqual({ kind: 'click', x: 1, y: 1.5, positive: true })
  expect((here[2] as { y: number }).y < -1e5).toBe(true)
  expect(here[3]).toEqual({ kind: 'box', x0: 0, y0: 0, x1: 3, y1: 3 })
  expect((here[4] as { points: unknown }).points).toEqual([[0, 0], [3, 0], [3, 3]])
})

test('commands are sent with the rows of their slice', () => {
  expect(toTall({ type: 'click', x: 1, y: 1.5, positive: true }, 2, ROWS)).toEqual({ type: 'click', x: 1, y: 9.5, positive: true })
  expect(toTall({ type: 'box', x0: 0, y0: 1, x1: 2, y1: 3 }, 1, ROWS)).toEqual({ type: 'box', x0: 0, y0: 5, x1: 2, y1: 7 })
  expect(toTall({ type: 'paint', points: [[0, 1]], radius: 2, positive: true }, 1, ROWS)).toEqual({ type: 'paint', points: [[0, 5]], radius: 2, positive: true })
  expect(toTall({ type: 'polygon', loops: [[[0, 1]]], positive: true }, 1, ROWS)).toEqual({ type: 'polygon', loops: [[[0, 5]]], positive: true })
  expect(toTall({ type: 'accept' }, 1, ROWS)).toEqual({ type: 'accept' })
  expect(toTall({ type: 'hover', seq: 1, x: 0, y: 0, positive: true }, 1, ROWS)).toEqual({ type: 'hover', seq: 1, x: 0, y: 4, positive: true })
  expect(toTall({ type: 'propagate', slice: 1, direction: 'both' }, 1, ROWS)).toEqual({ type: 'propagate', slice: 1, direction: 'both' })
})

test('the slice of an object and windows', () => {
  expect(middleSlice([0, 4, 2, 8], ROWS)).toBe(1)
  expect(middleSlice([0, 0, 0, 0], ROWS)).toBe(null)
  expect(windowOf(-10, 30, [0, 100])).toEqual([10, 40])
  expect(windowOf(5, 5, [0, 100])[1] >= 1).toBe(true)
})

test('pixels that are no squares are shown as high as they are', () => {
  const view = fitView({ width: 100, height: 50 }, { width: 1000, height: 1000 }, 8, 2)
  expect(scaleDown(view)).toBe(2 * view.scale)
  const at = toScreen(view, { x: 10, y: 10 })
  expect(toImage(view, at)).toEqual({ x: 10, y: 10 })
  const zoomed = zoomAt(view, at, 2)
  expect(zoomed.aspect).toBe(2)
  expect(Math.abs(toScreen(zoomed, { x: 10, y: 10 }).y - at.y) < 1e-9).toBe(true)
})

test('records are cut to the slice that is shown', () => {
  const fake = fakePorts()
  const store = createStore()
  const annotator = new Annotator(store, fake.ports, 'client-of-tests')
  const volume: VolumeInfo = {
    slices: 3, rows: ROWS, columns: 5, plane: 'axial', spacing: [1, 1, 2], aspect: 1, sides: [], modality: 'CT', levels: [40, 400], range: [0, 100],
    presets: {}, writes: ['nifti'],
  }
  store.images.value = [image(3, { kind: 'volume', width: 5, height: 12 })]
  annotator.open(3)
  const one = object(1, { area: 4, box: [1, 1, 3, 7], prompts: [{ kind: 'click', x: 1.5, y: 5.5, positive: true }] })
  fake.handlers.message(ready({ image: store.images.value[0]!, volume, objects: [one], active: 1 }))
  expect(store.slice.value).toBe(1)
  expect(store.imageSize.value).toEqual({ width: 5, height: 4 })
  expect(store.prompts.value[0]).toEqual({ kind: 'click', x: 1.5, y: 1.5, positive: true })
  // rows 1 and 2 are of slice 0, rows 5 and 6 of slice 1
  fake.handlers.records(parseRecords(record({ box: { x0: 1, y0: 1, x1: 3, y1: 7 }, runs: [0, 4, 4, 3, 1] })))
  const layers = store.layers.value!
  expect(maskContains(layers.maskOf(1), 1.5, 1.5)).toBe(true)
  expect(maskContains(layers.maskOf(1), 2.5, 2.5)).toBe(false)
  annotator.goToSlice(0)
  expect(maskContains(layers.maskOf(1), 2.5, 2.5)).toBe(true)
  annotator.goToSlice(2)
  expect(layers.maskOf(1)).toBe(EMPTY_MASK)
  annotator.goToSlice(9)
  expect(store.slice.value).toBe(2)
  annotator.goToSlice(1)
  annotator.carry('forward')
  expect({ ...fake.sent.at(-1), seq: 0, rev: 0, t: 0 }).toEqual({ type: 'propagate', slice: 1, direction: 'forward', seq: 0, rev: 0, t: 0 })
  fake.handlers.message({ type: 'busy', object: 1, stage: 'propagating', slice: 2, slices: 1 })
  expect(store.carrying.value).toEqual({ slice: 2, slices: 1 })
  fake.handlers.message({ type: 'busy', object: 1, stage: 'idle' })
  expect(store.carrying.value).toBe(null)
})
