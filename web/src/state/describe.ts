/** Sentences for the live region and names for lists. */

import { number, t } from './strings'
import type { ClassInfo, ObjectInfo } from './wire'

export function objectName(object: ObjectInfo, classes: readonly ClassInfo[]): string {
  return t('objects.name', { class: classes.find((c) => c.id === object.class)?.name ?? '?', id: object.id })
}

export function describeObject(object: ObjectInfo, classes: readonly ClassInfo[]): string {
  return t('say.object', { name: objectName(object, classes), area: number(object.area) })
}

/** What the newest prompt did. */
export function describePrompt(object: ObjectInfo, classes: readonly ClassInfo[]): string {
  const newest = object.prompts[object.prompts.length - 1]
  const described = describeObject(object, classes)
  if (newest?.kind !== 'click') return t(newest?.kind === 'box' ? 'say.box' : 'say.mask', { object: described })
  const n = object.prompts.filter((p) => p.kind === 'click' && p.positive === newest.positive).length
  return t(newest.positive ? 'say.positive' : 'say.negative', { n, object: described })
}
