/** Decoded pictures of the open image and its neighbours. */

import { displayUrl } from '../api/rest'
import { t } from '../state/strings'

const KEPT = 4

export class Pictures {
  private readonly kept = new Map<number, Promise<ImageBitmap>>()

  get(image: number): Promise<ImageBitmap> {
    const known = this.kept.get(image)
    const picture = known ?? load(image)
    this.kept.delete(image)
    this.kept.set(image, picture)
    if (!known) picture.catch(() => this.kept.delete(image))
    this.trim()
    return picture
  }

  /** Loads without waiting; a failure is told when the image is opened. */
  prefetch(image: number | undefined): void {
    if (image !== undefined) this.get(image).catch(() => undefined)
  }

  private trim(): void {
    while (this.kept.size > KEPT) {
      const [oldest] = this.kept.keys()
      if (oldest !== undefined) this.kept.delete(oldest)
    }
  }
}

async function load(image: number): Promise<ImageBitmap> {
  const response = await fetch(displayUrl(image), { credentials: 'same-origin' })
  if (!response.ok) throw new Error(await reason(response))
  const blob = await response.blob()
  return createImageBitmap(blob, { premultiplyAlpha: 'none' }).catch(() => {
    throw new Error(t('canvas.undecodable'))
  })
}

async function reason(response: Response): Promise<string> {
  const text = await response.text()
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message
  } catch {
    return `${response.status} ${response.statusText}`
  }
}
