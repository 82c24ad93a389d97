/** What differs between the media that the page shows. The server tells the kind of each; nothing is guessed from names. */

import { COMMANDS, type Command } from './commands'
import { number, t } from './strings'
import type { KindInfo, KindModels, Models, ModelState } from './wire'

export type Kind = 'photo' | 'cloud' | 'volume'

/** Whether a kind of medium is seen on the flat canvas: a picture, or one slice at a time. */
export const isFlat = (kind: Kind): boolean => kind !== 'cloud'

/** So many pixels, or points. */
export function amount(kind: Kind, count: number): string {
  return t(`amount.${kind}`, { area: number(count) })
}

/** Whether a command of the page makes sense for a medium: what it would send is among what the server does with that kind. */
export function isOffered(id: Command, kind: Kind, kinds: readonly KindInfo[] | undefined): boolean {
  const { only, not, sends } = COMMANDS[id]
  if ((only !== undefined && only !== kind) || not?.includes(kind)) return false
  const accepted = kinds?.find((one) => one.name === kind)?.commands
  return sends === undefined || accepted === undefined || sends.some((name) => accepted.includes(name))
}

/** The models after news about those of one kind. */
export function withModel(models: Models, { kind, current, state, problem }: ModelState & { readonly kind?: Kind }): Models {
  const news = { current, state, problem }
  const known = kind && models.kinds?.[kind]
  if (!kind || !known) return { ...models, ...news }
  const first = Object.keys(models.kinds ?? {})[0] === kind
  return { ...models, ...(first ? news : {}), kinds: { ...models.kinds, [kind]: { ...known, ...news } } }
}

/** The models for a kind of medium. */
export function modelsOf(models: Models | null, kind: Kind): KindModels | null {
  return models?.kinds?.[kind] ?? models
}
