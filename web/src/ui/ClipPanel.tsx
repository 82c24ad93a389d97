import type { JSX } from 'preact'
import { AXES, withSide, type End } from '../cloud/clip'
import { t } from '../state/strings'
import { useApp } from './app'
import { metres } from './CloudView'
import { Icon } from './icons'
import { withKey } from './keys'

/** Steps of a slider from one end of the scene to the other. */
const STEPS = 500

/** The sides of the box that the cloud is cut to. */
export function ClipPanel(): JSX.Element | null {
  const { store, cloud, run } = useApp()
  const [clip, facts] = [cloud.clip.value, cloud.facts.value]
  if (!clip || !facts || !cloud.clipShown.value) return null
  const atHand = store.selectedObject.value ?? store.active.value
  return (
    <section class="clip-panel" aria-labelledby="clip-title">
      <div class="panel-head">
        <h2 id="clip-title">{t('clip.title')}</h2>
        <span class="spacer" />
        <button class="icon-button small" aria-label={t('clip.hide')} title={t('clip.hide')} onClick={() => (cloud.clipShown.value = false)}>
          <Icon name="close" size={16} />
        </button>
      </div>
      {AXES.map((name, axis) => (
        <fieldset key={name} class="clip-axis">
          <legend>{t(`clip.${name}`)}</legend>
          <Side axis={axis} end="low" />
          <Side axis={axis} end="high" />
        </fieldset>
      ))}
      <div class="clip-end">
        <button class="button quiet" disabled={!atHand} title={withKey(store, t('command.clip-object'), 'clip-object')} onClick={() => run('clip-object')}>{t('clip.object')}</button>
        <button class="button" title={withKey(store, t('clip.all'), 'clip')} onClick={() => run('clip')}>{t('clip.all')}</button>
      </div>
    </section>
  )
}

function Side({ axis, end }: { axis: number; end: End }): JSX.Element | null {
  const { cloud } = useApp()
  const [clip, facts] = [cloud.clip.value, cloud.facts.value]
  if (!clip || !facts) return null
  const [low, high] = [facts.bounds.low[axis] as number, facts.bounds.high[axis] as number]
  const value = clip[end][axis] as number
  const name = t(`clip.${end}`, { axis: t(`clip.${AXES[axis]}`) })
  return (
    <label class="slider" title={name}>
      <span class="unseen">{name}</span>
      <input type="range" min={low} max={high} step={(high - low) / STEPS || 1e-6} value={value} aria-valuetext={t('clip.metres', { metres: metres(value) })}
        onInput={(e) => (cloud.clip.value = withSide(clip, axis, end, Number(e.currentTarget.value)))} />
      <span class="muted value">{metres(value)}</span>
    </label>
  )
}
