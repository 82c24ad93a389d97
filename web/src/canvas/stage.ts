/** Keeps the two canvases true to the state: redraws once per frame, and only when something has changed. */

import { effect } from '@preact/signals-core'
import { displayUrl, sliceUrl } from '../api/rest'
import { isFlat } from '../state/media'
import { parseHex } from '../state/palette'
import type { Store } from '../state/store'
import { styleTable } from '../state/styles'
import { outline, type Ring } from '../state/outline'
import { EMPTY_MASK, type RunMask } from '../state/runs'
import { fitView, resized, type Point } from '../state/view'
import type { ImageInfo, Prompt } from '../state/wire'
import { loadTile, lookAt } from '../api/rest'
import { covers, gridFor } from '../state/grid'
import type { Layers } from '../state/layers'
import { wholePicture, type Backdrop } from './backdrop'
import { CanvasRenderer } from './canvas2d'
import { drawLoupe, drawMatte } from './closeup'
import { drawOverlay } from './overlay'
import { Pictures } from './pictures'
import type { Renderer } from './renderer'
import { Tiles } from './tiles'
import { WebGlRenderer } from './webgl'

/** The prompts that still count by themselves: those after the newest mask. */
function standing(prompts: readonly Prompt[]): readonly Prompt[] {
  return prompts.slice(prompts.findLastIndex((p) => p.kind === 'mask') + 1)
}

export class Stage {
  renderer: Renderer
  private readonly pictures = new Pictures()
  private readonly stops: (() => void)[] = []
  private frame = 0
  private ratio = 1
  /** The image whose picture the renderer holds. */
  private shown: number | null = null
  private picture: Backdrop | null = null
  /** Of an image that is too large for one picture. */
  private tiles: Tiles | null = null

  constructor(
    private readonly store: Store, private readonly base: HTMLCanvasElement, private readonly overlay: HTMLCanvasElement,
  ) {
    this.renderer = WebGlRenderer.create(base) ?? CanvasRenderer.create(base)
    const observer = new ResizeObserver(() => this.resize())
    observer.observe(base)
    this.stops.push(() => observer.disconnect())
    this.stops.push(effect(() => this.follow(store.current.value, this.url)))
    this.stops.push(effect(() => this.fitOnce()))
    this.stops.push(effect(() => this.restyle()))
    this.stops.push(effect(() => this.touchAll()))
    this.stops.push(effect(() => void [store.tileNews.value, this.tiles?.retry()]))
    this.resize()
    base.addEventListener('webglcontextlost', (event) => event.preventDefault())
    base.addEventListener('webglcontextrestored', () => this.restore())
  }

  /** The graphics driver has taken everything away (sleep, update, another page): begin anew. */
  private restore(): void {
    this.renderer = WebGlRenderer.create(this.base) ?? this.renderer
    this.store.layers.value?.forgotten()
    this.restyle()
    this.shown = null
    this.follow(this.store.current.value, this.url)
  }

  /** Whether the picture of the open image is on the canvas. */
  get pictureShown(): boolean {
    return this.shown !== null && this.shown === this.store.current.value
  }

  dispose(): void {
    for (const stop of this.stops) stop()
    cancelAnimationFrame(this.frame)
    this.renderer.dispose()
  }

  /** Where the picture that is to be shown comes from; null while that is not known, or for what is no picture. */
  private get url(): string | null {
    const { kind, current, volume, slice, levels } = this.store
    const image = current.value
    if (image === null || !isFlat(kind.value)) return null
    if (kind.value !== 'volume') return displayUrl(image)
    return volume.value ? sliceUrl(image, slice.value, levels.value, volume.value.plane) : null
  }

  private wanted: string | null = null
  private follow(image: number | null, url: string | null): void {
    this.wanted = url
    // The slice before stays until the next one is here, so that nothing flickers.
    if (this.shown !== image || url === null) {
      this.shown = null
      this.picture = null
      this.tiles?.close()
      this.tiles = null
      this.renderer.clearImage()
      this.redraw()
    }
    if (image !== null && url !== null) void this.load(image, url)
  }

  private async load(image: number, url: string): Promise<void> {
    const { store } = this
    try {
      const info = this.store.kind.peek() === 'volume' ? undefined : await this.infoOf(image)
      if (this.wanted !== url) return
      if (info?.tiles) return this.showTiles(info, info.tiles)
      const picture = await this.pictures.get(url)
      if (this.wanted !== url) return
      const size = { width: picture.width, height: picture.height }
      await this.renderer.setImage(picture, size)
      if (this.wanted !== url) return
      store.layers.value?.forgotten()
      if (store.imageSize.value === null) store.imageSize.value = size
      this.shown = image
      this.picture = wholePicture(picture, size)
      store.pixels.value++
      this.prefetchRound(image)
    } catch (error) {
      if (this.wanted === url) this.failed(error)
    }
  }

  private failed(error: unknown): void {
    this.store.pictureProblem.value = error instanceof Error ? error.message : String(error)
  }

  /** The image with its size known, which the server tells once it has looked at the file. */
  private async infoOf(image: number): Promise<ImageInfo | undefined> {
    // Peeked at: whoever opens an image does not wish to open it again when the list changes.
    const known = this.store.images.peek().find((i) => i.id === image)
    return known && (known.width !== null || known.status !== 'new') ? known : lookAt(image)
  }

  private showTiles(info: ImageInfo, layout: NonNullable<ImageInfo['tiles']>): void {
    const { store } = this
    const size = { width: info.width ?? 0, height: info.height ?? 0 }
    const tiles = new Tiles(size, layout, (level, column, row) => loadTile(info.id, level, column, row))
    tiles.onTile = () => {
      this.shown = info.id
      store.pixels.value++
    }
    tiles.onProblem = (error) => this.failed(error)
    this.picture = this.tiles = tiles
    this.renderer.setTiles(tiles, size)
    if (store.imageSize.value === null) store.imageSize.value = size
    this.redraw()
    this.prefetchRound(info.id)
  }

  private prefetchRound(image: number): void {
    const { images: all, volume, slice, levels } = this.store
    for (const by of [1, -1, 2]) {
      const next = slice.value + by
      if (volume.value && next >= 0 && next < volume.value.slices) this.pictures.prefetch(sliceUrl(image, next, levels.value, volume.value.plane))
    }
    const images = all.value
    const at = images.findIndex((i) => i.id === image)
    for (const by of [1, -1]) {
      const neighbour = images[at + by]
      if (neighbour?.kind === 'photo' && neighbour.status !== 'missing' && neighbour.status !== 'damaged') void this.prefetch(neighbour.id)
    }
  }

  /** Loads a picture without waiting; a failure is told when it is opened. */
  private async prefetch(image: number): Promise<void> {
    const info = await this.infoOf(image).catch(() => undefined)
    if (info?.status === 'ok' && !info.tiles) this.pictures.prefetch(displayUrl(image))
  }

  /** A newly opened image is shown whole; a later resize leaves the view alone. */
  private fitted: number | null = null
  private fitOnce(): void {
    const { store } = this
    const [size, canvas, image] = [store.imageSize.value, store.canvas.value, store.current.value]
    if (size === null) this.fitted = null
    if (size === null || canvas.width === 0 || this.fitted === image || !isFlat(store.kind.value)) return
    this.fitted = image
    store.view.value = fitView(size, canvas, 8, store.volume.value?.aspect)
  }

  private restyle(): void {
    const { store } = this
    const layers = store.layers.value
    if (!layers || !isFlat(store.kind.value)) return
    this.renderer.setStyles(styleTable(store.document.value.objects, store.classes.value, store.selected.value, layers))
    this.redraw()
  }

  /** Reads everything that a frame depends on, so that any change asks for one. */
  private touchAll(): void {
    const { store } = this
    void [
      store.view.value, store.canvas.value, store.opacity.value, store.masksShown.value, store.peeking.value,
      store.pixels.value, store.prompts.value, store.activeColour.value, store.pending.value, store.active.value, store.rubber.value,
      store.crosshair.value, store.layers.value, store.leaving.value, store.marks.value,
      store.preview.value, store.doubts.value, store.line.value, store.brushRadius.value, store.tool.value,
      this.followsPointer ? store.pointer.value : null, store.polygon.value, store.corners.value, store.matte.value, store.loupe.value,
    ]
    this.redraw()
  }

  /** Whether something is drawn at the pointer. */
  private get followsPointer(): boolean {
    const { tool, loupe, polygon } = this.store
    return tool.value === 'brush' || tool.value === 'eraser' || loupe.value || polygon.value !== null
  }

  private redraw(): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw())
  }

  private draw(): void {
    this.frame = 0
    const { store } = this
    const [view, canvas, layers] = [store.view.value, store.canvas.value, store.layers.value]
    if (this.tiles) this.lookAround(layers, this.tiles)
    if (layers && this.pictureShown) this.renderer.update(layers)
    this.renderer.draw({
      view, canvas, ratio: this.ratio,
      opacity: store.opacity.value,
      masksShown: store.masksShown.value && !store.peeking.value && layers !== null,
      activeColour: parseHex(store.activeColour.value),
    })
    const context = this.overlay.getContext('2d')
    if (!context) return
    drawOverlay(context, this.ratio, canvas, view, {
      prompts: store.peeking.value || store.leaving.value ? [] : standing(store.prompts.value),
      pending: store.peeking.value ? [] : store.pending.value,
      rubber: store.rubber.value,
      crosshair: store.crosshair.value,
      colours: store.marks.value,
      ghosts: this.ghostRings(),
      unsure: this.unsureRings(),
      doubts: store.peeking.value ? null : store.doubts.value,
      preview: this.previewRings(),
      line: store.line.value,
      brush: this.brush(),
      polygon: store.polygon.value,
      corners: store.corners.value,
      pointer: store.pointer.value,
    })
    this.drawClosely(context)
  }

  /** Of a large image only what is seen is fetched and painted. */
  private lookAround(layers: Layers | null, tiles: Tiles): void {
    const [view, canvas] = [this.store.view.value, this.store.canvas.value]
    tiles.want(view, canvas, this.ratio)
    if (layers && !covers(layers.grid, view, canvas, this.ratio, tiles.size)) layers.look(gridFor(view, canvas, this.ratio, tiles.size))
  }

  /** The rings of the ghosts that are shown, traced once for each mask. */
  private traced: { readonly mask: RunMask; readonly rings: readonly Ring[] } = { mask: EMPTY_MASK, rings: [] }
  private ghostRings(): readonly Ring[] {
    const { active, layers, leaving, masksShown, peeking } = this.store
    if (!active.value || leaving.value || peeking.value || !masksShown.value) return []
    const mask = layers.value?.ghostsOf(active.value.id) ?? EMPTY_MASK
    if (mask !== this.traced.mask) this.traced = { mask, rings: outline(mask) }
    return this.traced.rings
  }

  private seenAhead: { readonly mask: RunMask; readonly rings: readonly Ring[] } = { mask: EMPTY_MASK, rings: [] }
  private previewRings(): readonly Ring[] {
    const { preview, masksShown, peeking } = this.store
    const mask = preview.value?.mask ?? EMPTY_MASK
    if (peeking.value || !masksShown.value) return []
    if (mask !== this.seenAhead.mask) this.seenAhead = { mask, rings: outline(mask) }
    return this.seenAhead.rings
  }

  private doubted: { readonly mask: RunMask; readonly rings: readonly Ring[] } = { mask: EMPTY_MASK, rings: [] }
  private unsureRings(): readonly Ring[] {
    const { doubts, masksShown, peeking } = this.store
    const mask = doubts.value?.unsure ?? EMPTY_MASK
    if (peeking.value || !masksShown.value) return []
    if (mask !== this.doubted.mask) this.doubted = { mask, rings: outline(mask) }
    return this.doubted.rings
  }

  private drawClosely(context: CanvasRenderingContext2D): void {
    const { store } = this
    const [view, canvas, layers, at] = [store.view.value, store.canvas.value, store.layers.value, store.pointer.value]
    if (store.matte.value && layers) drawMatte(context, canvas, this.ratio, view, layers, store.active.value !== null)
    if (store.loupe.value && at && this.picture) {
      drawLoupe(context, canvas, view, at, this.picture, layers, parseHex(store.activeColour.value))
    }
  }

  private brush(): { at: Point; radius: number } | null {
    const { tool, pointer, brushRadius } = this.store
    const painting = tool.value === 'brush' || tool.value === 'eraser'
    return painting && pointer.value ? { at: pointer.value, radius: brushRadius.value } : null
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.base
    // Another medium is shown in its place.
    if (width === 0) return
    this.ratio = window.devicePixelRatio || 1
    for (const canvas of [this.base, this.overlay]) {
      canvas.width = Math.round(width * this.ratio)
      canvas.height = Math.round(height * this.ratio)
    }
    const old = this.store.canvas.value
    const view = this.store.view.value
    if (old.width > 0) this.store.view.value = resized(view, this.store.imageSize.value, old, { width, height })
    this.store.canvas.value = { width, height }
    cancelAnimationFrame(this.frame)
    this.draw()
  }
}
