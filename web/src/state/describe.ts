/** Sentences for the live region and names for lists. */

import type { Kind } from './media'
import type { RunMask } from './runs'
import { shapeOf } from './shape'
import { number, t } from './strings'
import type { ClassInfo, ObjectInfo, Prompt } from './wire'

export function objectName(object: ObjectInfo, classes: readonly ClassInfo[]): string {
  return t('objects.name', { class: classes.find((c) => c.id === object.class)?.name ?? '?', id: object.id })
}

export function describeObject(object: ObjectInfo, classes: readonly ClassInfo[], kind: Kind, mask: RunMask | null = null): string {
  const said = t(`say.object.${kind}`, { name: objectName(object, classes), area: number(object.area) })
  return [said, ...(kind === 'photo' && mask ? describeShape(mask) : [])].reduce((first, second) => t('say.and', { first, second }))
}

/** What is worth saying: that a mask is in one piece and without holes is not. */
function describeShape(mask: RunMask): string[] {
  const shape = shapeOf(mask)
  const parts = shape.parts > 1 ? [t('say.parts', { count: shape.parts })] : []
  const holes = shape.holes > 0 ? [t(shape.holes === 1 ? 'say.hole' : 'say.holes', { count: shape.holes })] : []
  return [...parts, ...holes]
}

/** What the newest prompt did. */
export function describePrompt(object: ObjectInfo, classes: readonly ClassInfo[], kind: Kind, mask: RunMask, saved: string): string {
  const newest = object.prompts[object.prompts.length - 1]
  const described = describeObject(object, classes, kind, mask)
  const proposal = object.ghosts ? ` ${t(`say.${object.waiting ? 'waiting' : 'proposal'}.${kind}`, { area: number(object.ghosts) })}` : ''
  if (newest?.kind !== 'click') return t(`say.prompt.${promptKind(newest)}`, { object: described, saved }) + proposal
  const n = object.prompts.filter((p) => p.kind === 'click' && p.positive === newest.positive).length
  return t(newest.positive ? 'say.positive' : 'say.negative', { n, object: described, saved }) + proposal
}

function promptKind(prompt: Prompt | undefined): string {
  return prompt?.kind === 'mask' && prompt.painted ? 'painted' : (prompt?.kind ?? 'mask')
}
