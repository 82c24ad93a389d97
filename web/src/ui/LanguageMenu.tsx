import type { JSX } from 'preact'
import type { LanguageChoice } from '../state/store'
import { language, LANGUAGES, t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'

/** Within sight of those who cannot read the page; every language under its own name. */
export function LanguageMenu(): JSX.Element {
  const { store } = useApp()
  return (
    <label class="language" title={t('settings.language')}>
      <Icon name="globe" size={18} />
      <select aria-label={t('settings.language')} value={language.value}
        onChange={(e) => (store.language.value = e.currentTarget.value as LanguageChoice)}>
        {Object.entries(LANGUAGES).map(([name, title]) => <option key={name} value={name} lang={name}>{title}</option>)}
      </select>
    </label>
  )
}
