import type { JSX } from 'preact'
import { COLOURINGS, type Colouring } from '../cloud/colours'
import { POINT_SIZES } from '../cloud/state'
import type { Command } from '../state/commands'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon, type IconName } from './icons'
import { withKey } from './keys'

/** How the cloud is looked at: colours, size of the points, light, sides, box. */
export function CloudBar(): JSX.Element | null {
  const { store, cloud } = useApp()
  if (!cloud.facts.value) return null
  return (
    <section class="actions options cloud-bar" aria-label={t('cloud.bar')}>
      <Colours />
      <label class="slider" title={withKey(store, t('cloud.pointSize'), 'points-larger')}>
        <span class="unseen">{t('cloud.pointSize')}</span>
        <Icon name="points" size={16} />
        <input type="range" min={Math.log(POINT_SIZES.least)} max={Math.log(POINT_SIZES.most)} step="0.01" value={Math.log(cloud.pointSize.value)}
          onInput={(e) => (cloud.pointSize.value = Math.exp(Number(e.currentTarget.value)))} />
      </label>
      <Switch icon="light" command="toggle-lighting" on={cloud.lighting.value} />
      <Switch icon="dim" command="toggle-dimming" on={cloud.dimming.value} />
      <span class="divider" />
      {(['top', 'front', 'side'] as const).map((view) => <View key={view} view={view} />)}
      <Switch icon="fit" command="fit" />
      <span class="divider" />
      <Switch icon="cube" command="clip" on={cloud.clip.value !== null} />
      <Labels />
    </section>
  )
}

function Colours(): JSX.Element {
  const { store, cloud } = useApp()
  const offered = cloud.colourings.value
  return (
    <label title={withKey(store, t('cloud.colour'), 'next-colouring')}>
      <span class="unseen">{t('cloud.colour')}</span>
      <select class="field" value={cloud.colouring.value} onChange={(e) => (cloud.wanted.value = e.currentTarget.value as Colouring)}>
        {COLOURINGS.filter((one) => offered.includes(one)).map((one) => <option key={one} value={one}>{t(`cloud.colour.${one}`)}</option>)}
      </select>
    </label>
  )
}

function View({ view }: { view: 'top' | 'front' | 'side' }): JSX.Element {
  const { store, run } = useApp()
  const title = withKey(store, t(`command.view-${view}`), `view-${view}`)
  return <button class="button quiet tight" title={title} onClick={() => run(`view-${view}`)}>{t(`cloud.view.${view}`)}</button>
}

function Switch({ icon, command, on }: { icon: IconName; command: Command; on?: boolean }): JSX.Element {
  const { store, run } = useApp()
  const label = withKey(store, t(`command.${command}`), command)
  return (
    <button class="icon-button tool choice" aria-label={label} title={label} aria-pressed={on} onClick={() => run(command)}>
      <Icon name={icon} size={18} />
    </button>
  )
}

/** The file brings labels of its own: they can become objects. */
function Labels(): JSX.Element | null {
  const { store, cloud, run } = useApp()
  const labels = cloud.scan.value?.plan.labels ?? 0
  if (labels === 0 || store.document.value.objects.length > 0) return null
  return <button class="button tight" title={t('command.labels')} onClick={() => run('labels')}>{t('cloud.labels', { count: labels })}</button>
}
