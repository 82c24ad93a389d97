/** What a newcomer is told, one thing at a time: each hint goes when the person has done what it says, and none comes back. */

import { effect } from '@preact/signals-core'
import type { Store } from './store'

const ORDER = ['begin', 'correct', 'finish', 'further'] as const
export type Hint = (typeof ORDER)[number]
export const HINTS: readonly Hint[] = ORDER

/** The kept hint: the first at the first visit, none for whoever has seen them all or put them away. */
export function readHint(text: string | null): Hint | null {
  if (text === null) return 'begin'
  return HINTS.find((hint) => hint === text) ?? null
}

/** Goes on to the next hint when its deed is done. */
export function followHints(store: Store): void {
  effect(() => {
    const { active, document, hint } = store
    const finished = document.value.objects.filter((o) => o.state === 'finished').length
    const done: Readonly<Record<Hint, boolean>> = {
      begin: active.value !== null || finished > 0,
      correct: finished > 0 || (active.value?.prompts.length ?? 0) > 1,
      finish: finished > 0,
      further: finished > 1,
    }
    if (hint.value !== null && done[hint.value]) hint.value = following(hint.value)
  })
}

export function following(hint: Hint): Hint | null {
  return HINTS[HINTS.indexOf(hint) + 1] ?? null
}
