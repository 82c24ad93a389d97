/** Decoded pictures of the open image and its neighbours. */

import { t } from '../state/strings'

const KEPT = 12

export class Pictures {
  private readonly kept = new Map<string, Promise<ImageBitmap>>()

  get(url: string): Promise<ImageBitmap> {
    const known = this.kept.get(url)
    const picture = known ?? load(url)
    this.kept.delete(url)
    this.kept.set(url, picture)
    if (!known) picture.catch(() => this.kept.delete(url))
    this.trim()
    return picture
  }

  /** Loads without waiting; a failure is told when the image is opened. */
  prefetch(url: string): void {
    this.get(url).catch(() => undefined)
  }

  private trim(): void {
    while (this.kept.size > KEPT) {
      const [oldest] = this.kept.keys()
      if (oldest !== undefined) this.kept.delete(oldest)
    }
  }
}

async function load(url: string): Promise<ImageBitmap> {
  const response = await fetch(url, { credentials: 'same-origin' })
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
