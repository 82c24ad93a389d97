/** The tiles of an image that is too large for one picture: those that are seen are fetched, nearest to the middle first. */

import { seenBox } from '../state/grid'
import { boxesOverlap, type Box } from '../state/runs'
import type { Size, View } from '../state/view'
import type { TileInfo } from '../state/wire'
import type { Backdrop } from './backdrop'

/** Fetched at the same time: a browser opens six connections to one server, and two are left for clicks. */
const AT_ONCE = 4
/** A megabyte each. */
const KEPT = 220

/** Gives a tile, null while the server has not got it yet. */
export type LoadTile = (level: number, column: number, row: number) => Promise<ImageBitmap | null>

export interface Tile {
  readonly picture: ImageBitmap
  /** Where it lies in the image. */
  readonly box: Box
}

interface Place extends Box {
  readonly key: string
  readonly level: number
  readonly column: number
  readonly row: number
}

export class Tiles implements Backdrop {
  private readonly sizes: Size[]
  private readonly kept = new Map<string, Tile>()
  private readonly underway = new Set<string>()
  /** The server has not got them yet. */
  private readonly missing = new Set<string>()
  private wanted: Place[] = []
  private closed = false
  /** A tile has come. */
  onTile: () => void = () => undefined
  onProblem: (error: unknown) => void = () => undefined

  constructor(readonly size: Size, private readonly info: TileInfo, private readonly load: LoadTile) {
    this.sizes = [size]
    for (let n = 1; n < info.levels; n++) {
      const { width, height } = this.sizes[n - 1] as Size
      this.sizes.push({ width: Math.ceil(width / 2), height: Math.ceil(height / 2) })
    }
  }

  /** Whether there is anything to show. */
  get shown(): boolean {
    return this.kept.size > 0
  }

  /** Asks for what a view needs, and for the smallest level, which stands in for everything else. */
  want(view: View, canvas: Size, ratio: number): void {
    const seen = seenBox(view, canvas, this.size)
    const middle = { x: (seen.x0 + seen.x1) / 2, y: (seen.y0 + seen.y1) / 2 }
    const far = (p: Place): number => Math.hypot((p.x0 + p.x1) / 2 - middle.x, (p.y0 + p.y1) / 2 - middle.y)
    const near = this.places(this.levelFor(view, ratio), seen).sort((a, b) => far(a) - far(b))
    this.wanted = [...this.places(this.info.levels - 1, { x0: 0, y0: 0, x1: this.size.width, y1: this.size.height }), ...near]
    this.fetchNext()
  }

  /** More of the image is prepared: ask again for what was not there. */
  retry(): void {
    this.missing.clear()
    this.fetchNext()
  }

  close(): void {
    this.closed = true
    for (const tile of this.kept.values()) tile.picture.close()
    this.kept.clear()
  }

  /** What there is of a view, coarse tiles first, so that finer ones cover them. */
  visible(view: View, canvas: Size, ratio: number): readonly Tile[] {
    const seen = seenBox(view, canvas, this.size)
    const found: Tile[] = []
    for (let level = this.info.levels - 1; level >= this.levelFor(view, ratio); level--) {
      for (const { key } of this.places(level, seen)) {
        const tile = this.kept.get(key)
        if (tile) found.push(this.touched(key, tile))
      }
    }
    return found
  }

  paint(context: CanvasRenderingContext2D, view: View, canvas: Size, ratio: number): number {
    const tiles = this.visible(view, canvas, ratio)
    for (const { picture, box } of tiles) {
      // Whole device pixels, so that neighbours neither overlap nor leave a seam.
      const [left, right] = [box.x0, box.x1].map((x) => Math.round((view.left + x * view.scale) * ratio) / ratio) as [number, number]
      const [top, bottom] = [box.y0, box.y1].map((y) => Math.round((view.top + y * view.scale) * ratio) / ratio) as [number, number]
      context.drawImage(picture, left, top, right - left, bottom - top)
    }
    return tiles.length
  }

  /** The smallest level that has a pixel for every pixel of the screen. */
  private levelFor(view: View, ratio: number): number {
    const level = Math.floor(Math.log2(1 / (view.scale * ratio)) + 0.01)
    return Math.min(Math.max(level, 0), this.info.levels - 1)
  }

  /** The tiles of a level that touch a box of the image. */
  private places(level: number, box: Box): Place[] {
    const size = this.sizes[level] as Size
    const side = this.info.side * 2 ** level
    const [across, down] = [Math.ceil(size.width / this.info.side), Math.ceil(size.height / this.info.side)]
    const found: Place[] = []
    for (let row = Math.max(0, Math.floor(box.y0 / side)); row < Math.min(down, Math.ceil(box.y1 / side)); row++) {
      for (let column = Math.max(0, Math.floor(box.x0 / side)); column < Math.min(across, Math.ceil(box.x1 / side)); column++) {
        const [x0, y0] = [column * side, row * side]
        const x1 = Math.min(x0 + side, size.width * 2 ** level)
        const y1 = Math.min(y0 + side, size.height * 2 ** level)
        found.push({ key: `${level}/${column}/${row}`, level, column, row, x0, y0, x1, y1 })
      }
    }
    return found
  }

  private fetchNext(): void {
    for (const place of this.wanted) {
      if (this.underway.size >= AT_ONCE) return
      if (this.kept.has(place.key) || this.underway.has(place.key) || this.missing.has(place.key)) continue
      this.underway.add(place.key)
      void this.fetch(place)
    }
  }

  private async fetch(place: Place): Promise<void> {
    try {
      const picture = await this.load(place.level, place.column, place.row)
      if (this.closed) return picture?.close()
      if (picture === null) this.missing.add(place.key)
      else this.keep(place, picture)
    } catch (error) {
      this.missing.add(place.key)
      if (!this.closed) this.onProblem(error)
    } finally {
      this.underway.delete(place.key)
    }
    this.fetchNext()
  }

  private keep(place: Place, picture: ImageBitmap): void {
    this.kept.set(place.key, { picture, box: place })
    for (const [key, tile] of this.kept) {
      if (this.kept.size <= KEPT) break
      if (this.wanted.some((one) => one.key === key || boxesOverlap(one, tile.box) && key.startsWith(`${this.info.levels - 1}/`))) continue
      tile.picture.close()
      this.kept.delete(key)
    }
    this.onTile()
  }

  /** The newest used are the last to go. */
  private touched(key: string, tile: Tile): Tile {
    this.kept.delete(key)
    this.kept.set(key, tile)
    return tile
  }
}
