/** Accepting and rejecting: which images and objects still wait for a judgement, and what a judgement goes on to. */

import { objectName } from './describe'
import { announce } from './notices'
import type { Ports } from './ports'
import type { Filter, Store } from './store'
import { t } from './strings'
import type { ImageInfo, ObjectInfo, ObjectPatch, Review } from './wire'

export function imagePasses(image: ImageInfo, filter: Filter): boolean {
  switch (filter) {
    case 'all': return true
    case 'todo': return image.finished + image.in_progress === 0
    case 'progress': return image.in_progress > 0
    case 'review': return image.finished > 0 && image.review === null
    case 'accepted':
    case 'rejected': return image.review === filter || (filter === 'rejected' && image.rejected > 0)
  }
}

export function objectPasses(object: ObjectInfo, filter: Filter): boolean {
  switch (filter) {
    case 'all': return true
    case 'todo':
    case 'progress': return object.state === 'in_progress'
    case 'review': return isOpen(object)
    case 'accepted':
    case 'rejected': return object.review === filter
  }
}

/** Finished, and nobody has judged it as it is. */
function isOpen(object: ObjectInfo): boolean {
  return object.state === 'finished' && object.review === null
}

export class Reviewer {
  constructor(
    private readonly store: Store, private readonly ports: Ports, private readonly patch: (object: number, patch: ObjectPatch) => void,
    private readonly select: (object: number | null) => void,
  ) {}

  /** Judges the selected object and goes on to the next that is not judged; without a selection it judges the image. */
  judge(review: Review): void {
    const { selectedObject } = this.store
    if (!selectedObject.value) return void this.judgeImage(review)
    this.judgeObject(selectedObject.value, review)
  }

  judgeObject(object: ObjectInfo, review: Review): void {
    if (object.state !== 'finished') return announce(this.store, t('say.finishFirst'))
    const taken = object.review === review
    this.patch(object.id, { review: taken ? null : review })
    const name = objectName(object, this.store.classes.value)
    const next = taken || review === 'rejected' ? null : this.following(object.id)
    if (next) this.select(next.id)
    announce(this.store, t(taken ? 'say.judgedNot' : `say.${review}`, { name }) + (next ? ` ${t('say.nextObject', { name: objectName(next, this.store.classes.value) })}` : ''))
  }

  /** Selects the next object that is not judged. */
  next(): void {
    const next = this.following(this.store.selected.value)
    if (next) this.select(next.id)
    else {
      this.select(null)
      announce(this.store, t('say.allJudged'))
    }
  }

  async judgeImage(review: Review | null): Promise<void> {
    const { currentImage, images, person } = this.store
    const image = currentImage.value
    if (!image) return
    const changed = await this.ports.rest.judgeImage(image.id, image.review === review ? null : review, person.value)
    images.value = images.value.map((i) => (i.id === changed.id ? changed : i))
    announce(this.store, t(changed.review ? `say.${changed.review}` : 'say.judgedNot', { name: image.name }))
  }

  /** The next one in the order of the list, from the top again at its end. */
  private following(after: number | null): ObjectInfo | null {
    const list = [...this.store.document.value.objects].reverse()
    const at = list.findIndex((o) => o.id === after)
    return [...list.slice(at + 1), ...list.slice(0, Math.max(at, 0))].find((o) => isOpen(o) && o.id !== after) ?? null
  }
}
