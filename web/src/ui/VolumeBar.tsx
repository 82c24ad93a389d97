import type { JSX } from 'preact'
import { labelsUrl } from '../api/rest'
import { PLANES, windowOf, type Plane, type VolumeInfo, type Window } from '../state/slices'
import { t } from '../state/strings'
import type { ObjectInfo } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'
import { withKey } from './keys'

/** Which slice of a volume is shown, and which values are black and white in it. */
export function VolumeBar(): JSX.Element | null {
  const { store, annotator } = useApp()
  const volume = store.volume.value
  if (!volume || store.status.value !== 'ready') return null
  const label = t('volume.slice', { slice: store.slice.value + 1, slices: volume.slices })
  return (
    <section class="actions options volume-bar" aria-label={t('volume.bar')}>
      <label class="slider" title={withKey(store, label, 'next-slice')}>
        <span class="unseen">{t('volume.bar')}</span>
        <Icon name="layers" size={16} />
        <input type="range" data-testid="slice" min="1" max={volume.slices} value={store.slice.value + 1} aria-valuetext={label}
          onInput={(e) => annotator.goToSlice(Number(e.currentTarget.value) - 1)} />
        <span class="value">{store.slice.value + 1} / {volume.slices}</span>
      </label>
      <PlaneChoice volume={volume} />
      <span class="divider" />
      <Levels volume={volume} />
      <span class="divider" />
      <Labels volume={volume} />
    </section>
  )
}

/** The plane that the volume is cut along: to be chosen before the first object, for masks belong to a plane. */
function PlaneChoice({ volume }: { volume: VolumeInfo }): JSX.Element {
  const { store, annotator } = useApp()
  const held = store.document.value.objects.length > 0
  return (
    <select class="field" data-testid="plane" aria-label={t('volume.plane')} disabled={held} value={volume.plane}
      title={held ? t('volume.planeHeld') : withKey(store, t('volume.planeHelp'), 'next-plane')}
      onChange={(e) => void annotator.cutAlong(e.currentTarget.value as Plane)}>
      {PLANES.map((plane) => <option key={plane} value={plane}>{t(`volume.${plane}`)}</option>)}
    </select>
  )
}

/** The window: its two ends, and those that have names. */
function Levels({ volume }: { volume: VolumeInfo }): JSX.Element {
  const { store, rest, attempt } = useApp()
  // The model looks through the window that was chosen, as soon as it has been.
  const look = (): void => void attempt(() => rest.look(store.current.value ?? 0, store.levels.value ?? volume.levels))
  const [center, width] = store.levels.value ?? volume.levels
  const [least, most] = [Math.min(volume.range[0], center - width / 2), Math.max(volume.range[1], center + width / 2)]
  const step = most - least > 1000 ? 1 : (most - least) / 1000
  const [low, high] = [center - width / 2, center + width / 2]
  const end = (name: 'black' | 'white', value: number, set: (value: number) => Window): JSX.Element => (
    <label class="slider" title={t(`volume.${name}`)}>
      <span class="unseen">{t(`volume.${name}`)}</span>
      <input type="range" data-testid={name} min={least} max={most} step={step} value={value}
        onInput={(e) => (store.levels.value = set(Number(e.currentTarget.value)))} onChange={() => look()} />
    </label>
  )
  return (
    <>
      <select class="field" aria-label={t('volume.window')} data-testid="window" value={chosen(store.levels.value, volume)}
        onChange={(e) => {
          store.levels.value = named(e.currentTarget.value, volume)
          look()
        }}>
        <option value="own">{t('volume.window.own')}</option>
        <option value="full">{t('volume.window.full')}</option>
        {Object.keys(volume.presets).map((name) => <option key={name} value={name}>{t(`volume.preset.${name}`)}</option>)}
        <option value="custom" disabled>{t('volume.window.custom')}</option>
      </select>
      {end('black', low, (value) => windowOf(Math.min(value, high - 1e-9), high, volume.range))}
      {end('white', high, (value) => windowOf(low, Math.max(value, low + 1e-9), volume.range))}
      <span class="muted value">{Math.round(low)} … {Math.round(high)}</span>
    </>
  )
}

function chosen(window: Window | null, volume: VolumeInfo): string {
  if (window === null) return 'own'
  const same = (other: Window): boolean => Math.abs(other[0] - window[0]) < 1e-6 && Math.abs(other[1] - window[1]) < 1e-6
  if (same(windowOf(...volume.range, volume.range))) return 'full'
  return Object.entries(volume.presets).find(([, preset]) => same(preset))?.[0] ?? 'custom'
}

function named(name: string, volume: VolumeInfo): Window | null {
  if (name === 'own') return null
  return name === 'full' ? windowOf(...volume.range, volume.range) : (volume.presets[name] ?? null)
}

/** Files with the labels of the volume that is open. */
function Labels({ volume }: { volume: VolumeInfo }): JSX.Element {
  const { store } = useApp()
  const image = store.current.value ?? 0
  const finished = store.document.value.objects.some((o) => o.state === 'finished')
  return (
    <select class="field" data-testid="save-labels" aria-label={t('volume.labels')} value="" disabled={!finished}
      onChange={(e) => {
        if (e.currentTarget.value) location.assign(labelsUrl(image, e.currentTarget.value))
        e.currentTarget.value = ''
      }}>
      <option value="">{t('volume.labels')}</option>
      {volume.writes.map((format) => <option key={format} value={format}>{t(`volume.format.${format}`)}</option>)}
    </select>
  )
}

/** The letters at the sides of a slice, where the file tells how the patient lies. */
export function Sides(): JSX.Element | null {
  const { store } = useApp()
  const sides = store.volume.value?.sides ?? []
  if (sides.length < 4 || store.status.value !== 'ready') return null
  return (
    <div class="sides" aria-hidden="true">
      {(['left', 'right', 'top', 'bottom'] as const).map((side, i) => <span key={side} class={side}>{sides[i]}</span>)}
    </div>
  )
}

/** Carries the mask of the object in progress to the other slices. */
export function CarryButtons({ object }: { object: ObjectInfo }): JSX.Element | null {
  const { store, annotator } = useApp()
  if (!store.volume.value || object.area === 0) return null
  const under = store.carrying.value
  if (under) {
    return (
      <button class="button quiet" data-testid="stop-carrying" onClick={() => annotator.stopCarrying()}>
        <span class="spinner small" /> {t('volume.carrying', { slices: under.slices, slice: under.slice + 1 })} · {t('command.stop-carrying')}
      </button>
    )
  }
  return (
    <span class="carry">
      <button class="button quiet tight" title={withKey(store, t('command.carry-backward'), 'carry-backward')} aria-label={t('command.carry-backward')}
        onClick={() => annotator.carry('backward')}>◂</button>
      <button class="button quiet tight" data-testid="carry" title={withKey(store, t('command.carry-both'), 'carry-both')} aria-label={t('command.carry-both')}
        onClick={() => annotator.carry('both')}><Icon name="layers" size={16} /></button>
      <button class="button quiet tight" title={withKey(store, t('command.carry-forward'), 'carry-forward')} aria-label={t('command.carry-forward')}
        onClick={() => annotator.carry('forward')}>▸</button>
    </span>
  )
}
