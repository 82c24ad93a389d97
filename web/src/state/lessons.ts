/** A model that is taught with the project's masks, as the server tells of it. */

import { announce, toast } from './notices'
import type { Rest } from './ports'
import type { Store } from './store'
import { said, t } from './strings'
import { isTaught, type Lesson } from './wire'

/** Takes over news of a training; its end is said, and the new model stands in the menu. */
export function follow(store: Store, rest: Rest, lesson: Lesson | null): void {
  const before = store.lesson.value
  if (before && lesson && lesson.at < before.at) return // an answer that newer news have overtaken
  store.lesson.value = lesson
  if (!lesson || !isTaught(before) || isTaught(lesson)) return
  if (lesson.state === 'failed') return toast(store, 'error', t('teach.failed', { name: lesson.name, problem: said(lesson.problem ?? '', lesson.words) }))
  if (lesson.state !== 'done') return
  toast(store, 'note', t('teach.done', { name: lesson.name }))
  announce(store, t('teach.done', { name: lesson.name }))
  void rest.models().then((models) => (store.models.value = models), () => undefined)
}

/** Asks how the training is; for a page that has not heard of it, or not for a while. */
export async function catchUp(store: Store, rest: Rest): Promise<void> {
  follow(store, rest, (await rest.training()).lesson)
}

/** How much is done, 0 to 1. */
export const doneShare = (lesson: Lesson): number => (lesson.steps ? lesson.step / lesson.steps : 0)
