import type { JSX } from 'preact'
import { amount } from '../state/media'
import { number, t } from '../state/strings'
import { insideImage } from '../state/view'
import { useApp } from './app'
import { Icon } from './icons'
import { withKey } from './keys'

export function StatusBar({ slow }: { slow: boolean }): JSX.Element {
  const { store, cloud } = useApp()
  const isCloud = store.kind.value === 'cloud'
  const withoutWebGl = isCloud ? cloud.renderer.value === 'canvas2d' : slow
  return (
    <footer class="status">
      <button class="icon-button small" aria-label={withKey(store, t('command.toggle-strip'), 'toggle-strip')} title={withKey(store, t('command.toggle-strip'), 'toggle-strip')} aria-pressed={store.stripShown.value}
        onClick={() => (store.stripShown.value = !store.stripShown.value)}>
        <Icon name="strip" size={16} />
      </button>
      {isCloud ? <><Place /><Points /></> : <><Position /><Zoom /></>}
      <label class="cell opacity" title={t('status.opacity')}>
        <span class="unseen">{t('status.opacity')}</span>
        <Icon name="eye" size={16} />
        <input type="range" min="0" max="100" value={Math.round(store.opacity.value * 100)}
          onInput={(e) => (store.opacity.value = Number(e.currentTarget.value) / 100)} />
      </label>
      <span class="spacer" />
      {withoutWebGl && <span class="cell" title={t('status.renderer')}>2D</span>}
      {store.latency.value !== null && (
        <span class={`cell latency ${store.lookahead.value}`} title={t(store.lookahead.value === 'slow' ? 'status.slowHelp' : 'status.latencyHelp')}>
          {t('status.latency', { ms: Math.round(store.latency.value) })}
        </span>
      )}
      <Saved />
    </footer>
  )
}

function Zoom(): JSX.Element {
  const { store } = useApp()
  const scale = store.view.value.scale * (window.devicePixelRatio || 1) * 100
  return <span class="cell">{store.imageSize.value ? t('status.zoom', { zoom: scale < 10 ? scale.toFixed(1) : Math.round(scale) }) : ''}</span>
}

/** The point that a click would mean, in the coordinates of the file. */
function Place(): JSX.Element {
  const { cloud } = useApp()
  const [scan, pointed] = [cloud.scan.value, cloud.pointed.value]
  const at = scan && pointed !== null && pointed < scan.count ? scan.inFile(pointed).map((v) => v.toFixed(3)) : null
  return <span class="cell position place">{at ? t('status.place', { x: at[0] as string, y: at[1] as string, z: at[2] as string }) : ''}</span>
}

/** How many points there are, and what share of them is in sight while not all are. */
function Points(): JSX.Element {
  const { cloud } = useApp()
  const all = cloud.scan.value?.plan.shown ?? 0
  const [arrived, drawn] = [cloud.arrived.value, cloud.drawn.value]
  if (all === 0) return <span class="cell" />
  if (arrived < all) return <span class="cell">{t('status.pointsArriving', { some: number(arrived), all: number(all) })}</span>
  return <span class="cell" data-testid="points">{drawn > 0 && drawn < all ? t('status.pointsSample', { some: number(drawn), all: number(all) }) : amount('cloud', all)}</span>
}

function Position(): JSX.Element {
  const { store } = useApp()
  const point = store.crosshair.value ?? store.pointer.value
  const size = store.imageSize.value
  const inside = point !== null && size !== null && insideImage(point, size)
  return (
    <span class="cell position">
      {inside ? t('status.position', { x: Math.floor(point.x), y: Math.floor(point.y) }) : ''}
    </span>
  )
}

function Saved(): JSX.Element | null {
  const { store } = useApp()
  if (store.status.value !== 'ready') return null
  const saved = store.saved.value
  if (saved === 'saved' && store.connection.value === 'lost') return <span class="cell saved waiting"><span class="dot loading" />{t('status.lost')}</span>
  return (
    <span class={`cell saved ${saved}`} title={t('status.savedHelp')} data-testid="saved">
      {saved === 'saved' ? <Icon name="check" size={16} /> : <span class="dot loading" />}
      {t(`status.${saved}`, { count: store.unsaved.value })}
    </span>
  )
}
