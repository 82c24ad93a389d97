import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../state/strings'
import { useApp } from './app'
import { ClipPanel } from './ClipPanel'
import { CloudBar } from './CloudBar'
import { useCanvasHelp } from './canvas-help'

/** The canvases of point clouds. They are made with the first cloud and kept, hidden while a photograph is open. */
export function CloudView(): JSX.Element | null {
  const { store } = useApp()
  const met = useRef(false)
  const shown = store.kind.value === 'cloud'
  met.current ||= shown
  return met.current ? <Canvases shown={shown} /> : null
}

function Canvases({ shown }: { shown: boolean }): JSX.Element {
  const { store, mountCloud } = useApp()
  const base = useRef<HTMLCanvasElement>(null)
  const overlay = useRef<HTMLCanvasElement>(null)
  useEffect(() => mountCloud(base.current as HTMLCanvasElement, overlay.current as HTMLCanvasElement), [])
  const cursor = store.panning.value ? 'panning' : store.tool.value
  return (
    <div class="cloud" hidden={!shown}>
      <canvas ref={base} class="layer" aria-hidden="true" />
      <canvas ref={overlay} class={`layer surface cursor-${cursor}`} tabIndex={0} role="application"
        aria-label={t('canvas.label.cloud')} aria-describedby="cloud-help" />
      <p id="cloud-help" class="unseen">{useCanvasHelp('cloud')}</p>
      {shown && <Summary />}
      {shown && <div class="float top"><CloudBar /></div>}
      {shown && <ClipPanel />}
    </div>
  )
}

/** What a cloud holds, for those who cannot see it. */
function Summary(): JSX.Element | null {
  const { store, cloud } = useApp()
  const [scan, facts] = [cloud.scan.value, cloud.facts.value]
  if (!scan || !facts) return null
  const size = facts.bounds.high.map((v, k) => metres(v - (facts.bounds.low[k] as number)))
  const { objects } = store.document.value
  return (
    <p class="unseen" data-testid="cloud-summary">
      {t('cloud.summary', { points: scan.plan.shown, width: size[0] as string, depth: size[1] as string, height: size[2] as string, objects: objects.length })}
    </p>
  )
}

export function metres(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(1) : Math.abs(value) >= 10 ? value.toFixed(2) : value.toFixed(3)
}
