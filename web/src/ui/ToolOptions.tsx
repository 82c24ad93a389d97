import type { JSX } from 'preact'
import { BRUSH } from '../state/brush'
import { t } from '../state/strings'
import { useApp } from './app'

/** Settings and a word of help for the tool in hand. */
export function ToolOptions(): JSX.Element | null {
  const { store } = useApp()
  const tool = store.tool.value
  if (store.status.value !== 'ready') return null
  switch (tool) {
    case 'brush':
    case 'eraser':
      return <Bar><BrushSize /></Bar>
    case 'scribble':
    case 'lasso':
      return <Bar><span class="muted">{t(`help.${tool}`)}</span></Bar>
    default:
      return null
  }
}

function Bar({ children }: { children: JSX.Element | JSX.Element[] }): JSX.Element {
  return <div class="actions options" data-testid="tool-options">{children}</div>
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
