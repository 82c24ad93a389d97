import type { JSX } from 'preact'
import { useSignal } from '@preact/signals'
import { defaultColour } from '../state/palette'
import { t } from '../state/strings'
import type { Person } from '../state/wire'
import { useApp } from './app'

/** Those who look at the same image in other windows. */
export function People(): JSX.Element | null {
  const { store } = useApp()
  const others = store.people.value.filter((p) => p.client !== store.client.value)
  if (others.length === 0) return null
  const names = others.map((p) => p.name || t('people.somebody')).join(', ')
  return (
    <span class="people" role="img" aria-label={t('people.here', { names })} title={t('people.here', { names })}>
      {others.map((p) => <PersonTag key={p.client} person={p} title={p.name || t('people.somebody')} />)}
    </span>
  )
}

/** The first letters of a name on a colour of its own. */
export function PersonTag({ person, title }: { person: Person; title: string }): JSX.Element {
  const name = person.name.trim()
  const initials = name ? [...name].slice(0, 2).join('') : '?'
  return <span class="person" title={title} style={{ '--person': defaultColour(hash(person.name || person.client) % 7) }}>{initials}<span class="unseen">{title}</span></span>
}

/** The name by which the others see this window; kept in this browser. */
export function OwnName(): JSX.Element {
  const { store, annotator } = useApp()
  const typed = useSignal(store.person.value)
  return (
    <label>
      <span>{t('people.own')}<br /><small class="muted">{t('people.ownHelp')}</small></span>
      <input class="field" maxLength={40} value={typed.value} onInput={(e) => (typed.value = e.currentTarget.value)}
        onChange={() => annotator.call(typed.value)} />
    </label>
  )
}

function hash(text: string): number {
  return [...text].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) as number)) >>> 0, 7)
}
