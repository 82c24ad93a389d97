/** Read-only window into the page for the browser tests: `window.clickmaskProbe`. */

import type { Stage } from './canvas/stage'
import type { MountedCloud } from './cloud/mount'
import type { CloudState } from './cloud/state'
import { markerAt } from './cloud/overlay'
import { maskArea } from './state/runs'
import type { Store } from './state/store'
import { toScreen, type Point } from './state/view'

export interface Probe {
  state(): object
  /** Area of the drawn mask of an object, in pixels. */
  area(object: number): number
  /** 255 where the active mask covers the pixel, else 0. */
  activeAt(x: number, y: number): number
  /** Slot of the finished object on the pixel, 0 for none. */
  idAt(x: number, y: number): number
  /** Number of corners of the outline that can be moved. */
  corners(): number
  /** Position of an image point in the window. */
  screen(point: Point): Point
  /** Position of a point of the open cloud, by its number in the file, in the window; null where it is not seen. */
  cloudScreen(row: number): Point | null
  /** Number in the file of the point that a click at a place in the window would mean. */
  pick(at: Point): number | null
}

export function exposeForTests(store: Store, stage: Stage, cloud: CloudState, mounted: () => MountedCloud | null): void {
  const canvas = document.querySelector('canvas') as HTMLCanvasElement
  const inCloud = (): DOMRect => (document.querySelector('.cloud canvas') as HTMLCanvasElement).getBoundingClientRect()
  const probe: Probe = {
    state: () => ({
      status: store.status.value, slice: store.slice.value, levels: store.levels.value, preparing: store.preparing.value, grid: store.layers.value?.grid ?? null, image: store.currentImage.value?.name ?? null, picture: store.kind.value === 'cloud' ? (mounted()?.stage.complete ?? false) : stage.pictureShown,
      kind: store.kind.value, cloud: cloudFacts(cloud, mounted()),
      unsaved: store.unsaved.value, busy: store.busy.value, connection: store.connection.value,
      active: store.document.value.active, objects: store.document.value.objects, history: store.document.value.history,
      view: store.view.value, latency: store.latency.value, preview: store.preview.value, lookahead: store.lookahead.value, selected: store.selected.value, drawCalls: stage.renderer.drawCalls, renderer: stage.renderer.kind,
    }),
    area: (object) => maskArea(store.layers.value?.maskOf(object) ?? { box: { x0: 0, y0: 0, x1: 0, y1: 0 }, runs: new Uint32Array() }),
    activeAt: (x, y) => (store.layers.value?.activeAt(x, y) ? 255 : 0),
    idAt: (x, y) => store.layers.value?.idAt(x, y) ?? 0,
    corners: () => store.corners.value?.loops.reduce((sum, loop) => sum + loop.length, 0) ?? 0,
    screen: (point) => {
      const box = canvas.getBoundingClientRect()
      const inCanvas = toScreen(store.view.value, point)
      return { x: box.left + inCanvas.x, y: box.top + inCanvas.y }
    },
    cloudScreen: (row: number) => {
      const [scan, camera] = [cloud.scan.value, cloud.camera.value]
      const at = scan && camera ? markerAt(scan, camera, cloud.canvas.value, { x: row }) : null
      return at && { x: inCloud().left + at.x, y: inCloud().top + at.y }
    },
    pick: (at: Point) => {
      const hit = mounted()?.stage.pick({ x: at.x - inCloud().left, y: at.y - inCloud().top }) ?? null
      return hit === null ? null : (cloud.scan.value?.rows[hit] ?? null)
    },
  }
  Object.assign(window, { clickmaskProbe: probe })
}

function cloudFacts(cloud: CloudState, mounted: MountedCloud | null): object | null {
  const scan = cloud.scan.value
  if (!scan) return null
  return {
    points: scan.plan.shown, arrived: cloud.arrived.value, drawn: cloud.drawn.value, renderer: mounted?.stage.renderer.kind ?? null, camera: cloud.camera.value,
    clip: cloud.clip.value, colouring: cloud.colouring.value, pointed: cloud.pointed.value === null ? null : scan.rows[cloud.pointed.value],
  }
}
