import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { isFlat } from '../state/media'
import { t } from '../state/strings'
import { ActionBar } from './ActionBar'
import { useApp } from './app'
import { useCanvasHelp } from './canvas-help'
import { CloudView } from './CloudView'
import { DoubtBar } from './DoubtBar'
import { Icon } from './icons'
import { Toasts } from './Toasts'
import { ToolOptions } from './ToolOptions'
import { Sides, VolumeBar } from './VolumeBar'

export function StageView(): JSX.Element {
  const { store, mountStage } = useApp()
  const base = useRef<HTMLCanvasElement>(null)
  const overlay = useRef<HTMLCanvasElement>(null)
  useEffect(() => mountStage(base.current as HTMLCanvasElement, overlay.current as HTMLCanvasElement), [])
  const cursor = store.panning.value ? 'panning' : store.tool.value
  const photo = isFlat(store.kind.value)
  return (
    <main class="stage">
      <div hidden={!photo}>
        <canvas ref={base} class="layer" aria-hidden="true" />
        <canvas ref={overlay} class={`layer surface cursor-${cursor}`} tabIndex={0} role="application"
          aria-label={t('canvas.label.photo')} aria-describedby="canvas-help" />
        <p id="canvas-help" class="unseen">{useCanvasHelp('photo')}</p>
      </div>
      <CloudView />
      <Notice />
      {photo && <div class="float top"><VolumeBar /><ToolOptions /><DoubtBar /></div>}
      <Sides />
      <div class="float bottom">
        <ActionBar />
      </div>
      <Toasts />
      {store.preparing.value !== null && (
        <p class="pill" role="status"><span class="dot loading" />{t('canvas.preparing', { done: Math.floor(store.preparing.value * 100) })}</p>
      )}
      {store.connection.value === 'lost' && store.status.value === 'ready' && <p class="pill" role="status"><span class="dot loading" />{t('canvas.lost')}</p>}
    </main>
  )
}

/** What stands in for the picture while there is none. */
function Notice(): JSX.Element | null {
  const { store, annotator, retry } = useApp()
  const name = store.currentImage.value?.name ?? ''
  switch (store.status.value) {
    case 'ready':
      return store.pictureProblem.value
        ? <Card icon="warning" title={t('canvas.failed')} text={store.pictureProblem.value} action={t('canvas.retry')}
            onAction={() => location.reload()} />
        : null
    case 'loading':
      return name ? <div class="notice loading" role="status"><span class="spinner" />{t('canvas.loading', { name })}</div> : null
    case 'empty':
      return (
        <Card icon="image" title={t('canvas.empty')} text={t('canvas.emptyHelp', { folder: store.project.value?.folder ?? '' })}
          action={t('canvas.lookAgain')} onAction={retry} />
      )
    case 'failed': {
      const image = store.current.value
      return (
        <Card icon="warning" title={t(store.signedOut.value ? 'canvas.signedOut' : image === null ? 'canvas.unreachable' : 'canvas.failed')}
          text={store.problem.value ?? t('canvas.unreachableHelp')} action={t('canvas.retry')}
          onAction={() => (image === null ? retry() : annotator.open(image))} />
      )
    }
  }
}

interface CardProps {
  icon: 'image' | 'warning'
  title: string
  text: string
  action: string
  onAction: () => void
}

function Card({ icon, title, text, action, onAction }: CardProps): JSX.Element {
  return (
    <div class="notice card" role="status">
      <Icon name={icon} size={32} />
      <h2>{title}</h2>
      <p>{text}</p>
      <button class="button primary" onClick={onAction}>{action}</button>
    </div>
  )
}
