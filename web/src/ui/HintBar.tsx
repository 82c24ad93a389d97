import type { JSX } from 'preact'
import { following, HINTS } from '../state/hints'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'
import { firstKey } from './keys'

/** One hint at a time for the first visit, in a line of its own, so that it never lies over the picture. */
export function HintBar(): JSX.Element | null {
  const { store } = useApp()
  const hint = store.hint.value
  if (hint === null || store.status.value === 'failed' || store.status.value === 'empty' || store.kind.value !== 'photo') return null
  const key = (command: 'finish' | 'uncertainty' | 'tool-brush' | 'next-image' | 'help'): string => firstKey(store, command) ?? t(`command.${command}`)
  const last = following(hint) === null
  return (
    <aside class="hint" aria-label={t('hint.label')}>
      {hint === 'begin' && <span class="mark plus" aria-hidden="true">+</span>}
      {hint === 'correct' && <span class="mark minus" aria-hidden="true">−</span>}
      <b>{t(`hint.${hint}`, { finish: key('finish'), unsure: key('uncertainty'), brush: key('tool-brush'), next: key('next-image'), help: key('help') })}</b>
      <span class="muted">{t('hint.place', { at: HINTS.indexOf(hint) + 1, count: HINTS.length })}</span>
      <span class="spacer" />
      {!last && <button class="button quiet small" onClick={() => (store.hint.value = following(hint))}>{t('hint.next')}</button>}
      <button class="button quiet small" onClick={() => (store.hint.value = null)}>{!last && <Icon name="close" size={14} />} {t(last ? 'hint.close' : 'hint.skip')}</button>
    </aside>
  )
}
