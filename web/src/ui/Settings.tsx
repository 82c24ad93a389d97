import type { Signal } from '@preact/signals'
import type { JSX } from 'preact'
import { PRESET_NAMES, PRESETS, type PresetName } from '../state/presets'
import { UI_SCALES } from '../state/settings'
import type { Hover, LanguageChoice, Marks, Motion, Theme, Wheel } from '../state/store'
import { LANGUAGES, t } from '../state/strings'
import { useApp } from './app'
import { Dialog } from './Dialog'
import { KeyEditor } from './KeyEditor'
import { OwnName } from './People'

/** What everybody may want otherwise; kept in this browser. */
export function SettingsDialog(): JSX.Element {
  const { store } = useApp()
  const languages = Object.entries(LANGUAGES) as [LanguageChoice, string][]
  const choosePreset = (preset: PresetName): void => {
    store.keys.value = { preset, changes: {} }
    store.wheel.value = PRESETS[preset].wheelScrolls ? 'scroll' : 'zoom'
  }
  return (
    <Dialog title={t('settings.title')} wide>
      <div class="form">
        <section class="fields">
          <Choice<LanguageChoice> label={t('settings.language')} value={store.language} options={[['system', t('settings.asBrowser')], ...languages]} />
          <Choice<Theme> label={t('settings.theme')} value={store.theme}
            options={(['system', 'light', 'dark'] as const).map((one) => [one, t(`settings.theme.${one}`)])} />
          <Choice<number> label={t('settings.scale')} value={store.uiScale} options={UI_SCALES.map((s) => [s, t('status.zoom', { zoom: s * 100 })])} read={Number} />
          <Choice<Motion> label={t('settings.motion')} value={store.motion}
            options={(['system', 'less'] as const).map((one) => [one, t(`settings.motion.${one}`)])} />
          <Choice<Marks> label={t('settings.marks')} value={store.marks}
            options={(['green-red', 'blue-orange'] as const).map((one) => [one, t(`settings.marks.${one}`)])} />
          <Choice<Hover> label={t('settings.hover')} value={store.hover}
            options={(['auto', 'off'] as const).map((one) => [one, t(`settings.hover.${one}`)])} />
          <OwnName />
          <Choice<Wheel> label={t('settings.wheel')} value={store.wheel}
            options={(['zoom', 'scroll'] as const).map((one) => [one, t(`settings.wheel.${one}`)])} />
        </section>
        <h3>{t('settings.keys')}</h3>
        <section class="fields">
          <label>
            <span>{t('settings.preset')}</span>
            <select class="field" value={store.keys.value.preset} onChange={(e) => choosePreset(e.currentTarget.value as PresetName)}>
              {PRESET_NAMES.map((name) => <option key={name} value={name}>{PRESETS[name].title}</option>)}
            </select>
          </label>
          <label class="check">
            <input type="checkbox" checked={store.singleKeys.value} onChange={(e) => (store.singleKeys.value = e.currentTarget.checked)} />
            <span>{t('settings.singleKeys')}<br /><small class="muted">{t('settings.singleKeysHelp')}</small></span>
          </label>
        </section>
        <KeyEditor />
      </div>
    </Dialog>
  )
}

interface ChoiceProps<T> {
  label: string
  value: Signal<T>
  options: readonly (readonly [value: T, text: string])[]
  read?: (text: string) => T
}

function Choice<T extends string | number>({ label, value, options, read = (text) => text as T }: ChoiceProps<T>): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select class="field" value={value.value} onChange={(e) => (value.value = read(e.currentTarget.value))}>
        {options.map(([one, text]) => <option key={one} value={one}>{text}</option>)}
      </select>
    </label>
  )
}
