import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { said, t } from '../state/strings'
import type { HistoryEntry } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'

/** Steps shown; the rest is there and comes into sight when these are undone. */
const SHOWN = 200

/** Every step of the image, newest first; a click goes to that step, undoing or redoing what lies between. */
export function History(): JSX.Element {
  const { store } = useApp()
  return (
    <details class="panel history" open={store.historyShown.value} onToggle={(e) => (store.historyShown.value = e.currentTarget.open)}>
      <summary class="panel-head"><Icon name="history" size={16} /><h2>{t('history.title')}</h2></summary>
      {store.historyShown.value && <Steps />}
    </details>
  )
}

function Steps(): JSX.Element {
  const { store, rest, annotator, attempt } = useApp()
  const entries = useSignal<readonly HistoryEntry[]>([])
  const current = useRef<HTMLButtonElement>(null)
  const image = store.current.value
  const { rev } = store.document.value

  useEffect(() => {
    let left = false
    const load = async (): Promise<void> => {
      const found = image === null ? [] : await attempt(() => rest.history(image))
      if (found && !left) entries.value = found
    }
    void load()
    return () => void (left = true)
  }, [image, rev, store.status.value])
  useEffect(() => current.current?.scrollIntoView({ block: 'nearest' }), [entries.value])

  const newestApplied = entries.value.findLast((e) => e.applied)
  const from = Math.max(0, entries.value.indexOf(newestApplied ?? (entries.value[0] as HistoryEntry)) - SHOWN)
  const shown = entries.value.slice(from, from + 2 * SHOWN).reverse()
  return (
    <ol class="rows steps" aria-label={t('history.title')}>
      {shown.map((entry) => (
        <li key={entry.action}>
          <button ref={entry === newestApplied ? current : null} class={`step ${entry.applied ? '' : 'undone'}`}
            aria-current={entry === newestApplied ? 'step' : undefined} title={`${new Date(entry.at * 1000).toLocaleString()}${entry.by ? `\n${entry.by}` : ''}`}
            onClick={() => annotator.jump(entry.action)}>
            {said(entry.label, entry.words)}
          </button>
        </li>
      ))}
      <li>
        <button class="step" aria-current={newestApplied ? undefined : 'step'} onClick={() => annotator.jump(0)}>{t('history.start')}</button>
      </li>
    </ol>
  )
}
