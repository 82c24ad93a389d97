import type { JSX } from 'preact'
import type { Command } from '../state/commands'
import { following, HINTS } from '../state/hints'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'
import { firstKey } from './keys'

/** The keys that hints speak of. */
const NAMED = {
  finish: 'finish', unsure: 'uncertainty', brush: 'tool-brush', next: 'next-image', help: 'help',
  colour: 'next-colouring', clip: 'clip', lasso: 'tool-lasso', slice: 'next-slice', carry: 'carry-both', plane: 'next-plane',
} as const satisfies Readonly<Record<string, Command>>

/** One hint at a time for the first visit, in a line of its own, so that it never lies over the picture. */
export function HintBar(): JSX.Element | null {
  const { store } = useApp()
  const hint = store.hint.value
  if (hint === null || store.status.value === 'failed' || store.status.value === 'empty') return null
  const kind = store.kind.value
  const key = (command: Command): string => firstKey(store, command) ?? t(`command.${command}`)
  const last = following(hint) === null
  return (
    <aside class="hint" aria-label={t('hint.label')}>
      {hint === 'begin' && <span class="mark plus" aria-hidden="true">+</span>}
      {hint === 'correct' && <span class="mark minus" aria-hidden="true">−</span>}
      <b>{t(kind === 'photo' ? `hint.${hint}` : `hint.${kind}.${hint}`, Object.fromEntries(Object.entries(NAMED).map(([name, command]) => [name, key(command)])))}</b>
      <span class="muted">{t('hint.place', { at: HINTS.indexOf(hint) + 1, count: HINTS.length })}</span>
      <span class="spacer" />
      {!last && <button class="button quiet small" onClick={() => (store.hint.value = following(hint))}>{t('hint.next')}</button>}
      <button class="button quiet small" onClick={() => (store.hint.value = null)}>{!last && <Icon name="close" size={14} />} {t(last ? 'hint.close' : 'hint.skip')}</button>
    </aside>
  )
}
