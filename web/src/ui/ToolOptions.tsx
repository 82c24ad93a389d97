import type { JSX } from 'preact'
import { BRUSH } from '../state/brush'
import { t } from '../state/strings'
import { useApp } from './app'

/** Settings and a word of help for the tool in hand. */
export function ToolOptions(): JSX.Element | null {
  const { store } = useApp()
  const tool = store.tool.value
  if (store.status.value !== 'ready') return null
  if (store.picking.value) return <Bar><span>{t(`options.pick.${store.picking.value.operation}`)}</span></Bar>
  switch (tool) {
    case 'brush':
    case 'eraser':
      return <Bar><BrushSize /></Bar>
    case 'wand':
      return <Bar><Tolerance /></Bar>
    case 'polygon':
      return <Bar><span class="muted">{t(store.polygon.value ? 'help.polygonDraw' : store.corners.value ? 'help.polygonEdit' : 'help.polygon')}</span></Bar>
    case 'scribble':
    case 'cut':
    case 'lasso':
      return <Bar><span class="muted">{t(`help.${tool}`)}</span></Bar>
    default:
      return null
  }
}

function Bar({ children }: { children: JSX.Element | JSX.Element[] }): JSX.Element {
  return <div class="actions options" data-testid="tool-options">{children}</div>
}

function Tolerance(): JSX.Element {
  const { store } = useApp()
  return (
    <label class="slider">
      <span>{t('options.tolerance')}</span>
      <input type="range" min="1" max="120" value={store.tolerance.value} onInput={(e) => (store.tolerance.value = Number(e.currentTarget.value))} />
      <span class="muted value">{store.tolerance.value}</span>
    </label>
  )
}

function BrushSize(): JSX.Element {
  const { store } = useApp()
  const radius = store.brushRadius.value
  return (
    <label class="slider">
      <span>{t('options.brush')}</span>
      <input type="range" min={Math.log(BRUSH.least)} max={Math.log(BRUSH.most)} step="0.01" value={Math.log(radius)}
        onInput={(e) => (store.brushRadius.value = Math.round(Math.exp(Number(e.currentTarget.value)) * 2) / 2)} />
      <span class="muted value">{t('options.px', { px: radius * 2 })}</span>
    </label>
  )
}
