import type { JSX } from 'preact'
import type { Theme } from '../state/store'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon, type IconName } from './icons'
import { withKey } from './keys'
import { LanguageMenu } from './LanguageMenu'
import { ModelMenu } from './ModelMenu'
import { People } from './People'
import { TeachProgress } from './Teach'

const THEMES: Readonly<Record<Theme, { next: Theme; icon: IconName }>> = {
  system: { next: 'light', icon: 'system' },
  light: { next: 'dark', icon: 'sun' },
  dark: { next: 'system', icon: 'moon' },
}

export function TopBar(): JSX.Element {
  const { store } = useApp()
  const theme = store.theme.value
  return (
    <header class="topbar">
      <div class="brand">
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="22" height="22" />
        <span>{t('app.name')}</span>
      </div>
      <ImagePlace />
      <div class="spacer" />
      <People />
      <TeachProgress />
      <ModelMenu />
      <button class="button quiet" aria-label={t('top.import')} title={t('import.title')} onClick={() => (store.panel.value = 'import')}>
        <Icon name="import" size={18} /> <span class="wide">{t('top.import')}</span>
      </button>
      <button class="button" onClick={() => (store.panel.value = 'export')}>
        <Icon name="export" size={18} /> {t('top.export')}
      </button>
      <span class="divider" />
      <LanguageMenu />
      <button class="icon-button" aria-label={t(`top.theme.${theme}`)} title={t(`top.theme.${theme}`)}
        onClick={() => (store.theme.value = THEMES[theme].next)}>
        <Icon name={THEMES[theme].icon} />
      </button>
      <button class="icon-button" aria-label={withKey(store, t('statistics.title'), 'statistics')} title={withKey(store, t('statistics.title'), 'statistics')}
        onClick={() => (store.panel.value = 'statistics')}>
        <Icon name="chart" />
      </button>
      <button class="icon-button" aria-label={withKey(store, t('settings.title'), 'settings')} title={withKey(store, t('settings.title'), 'settings')}
        onClick={() => (store.panel.value = 'settings')}>
        <Icon name="settings" />
      </button>
      <button class="icon-button" aria-label={withKey(store, t('help.title'), 'help')} title={withKey(store, t('help.title'), 'help')}
        onClick={() => (store.panel.value = 'help')}>
        <Icon name="help" />
      </button>
    </header>
  )
}

function ImagePlace(): JSX.Element {
  const { store, annotator } = useApp()
  const images = store.images.value
  const at = images.findIndex((i) => i.id === store.current.value)
  const image = store.currentImage.value
  return (
    <nav class="place" aria-label={t('top.place')}>
      <button class="icon-button" aria-label={withKey(store, t('command.previous-image'), 'previous-image')} title={withKey(store, t('command.previous-image'), 'previous-image')} disabled={at <= 0}
        onClick={() => annotator.step(-1)}>
        <Icon name="left" />
      </button>
      <button class="icon-button" aria-label={withKey(store, t('command.next-image'), 'next-image')} title={withKey(store, t('command.next-image'), 'next-image')} disabled={at < 0 || at >= images.length - 1}
        onClick={() => annotator.step(1)}>
        <Icon name="right" />
      </button>
      {!image && <h1 class="unseen">{t('app.name')}</h1>}
      {image && (
        <h1 class="image-name" title={image.name}>
          <span>{image.name}</span> <small>{t('top.position', { at: at + 1, count: images.length })}</small>
        </h1>
      )}
    </nav>
  )
}
