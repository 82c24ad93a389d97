import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { modelsOf } from '../state/media'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'

/** The model in use; opens a list of the others. */
export function ModelMenu(): JSX.Element | null {
  const { store, rest, attempt } = useApp()
  const open = useSignal(false)
  const root = useRef<HTMLDivElement>(null)
  const models = modelsOf(store.models.value, store.kind.value)

  useEffect(() => {
    if (!open.value) return
    root.current?.querySelector<HTMLElement>('[aria-checked=true], [role=menuitemradio]')?.focus()
    const outside = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) open.value = false
    }
    window.addEventListener('pointerdown', outside)
    return () => window.removeEventListener('pointerdown', outside)
  }, [open.value])

  if (!models) return null
  const choose = async (name: string): Promise<void> => {
    close()
    const answer = await attempt(() => rest.useModel(name))
    if (answer) store.models.value = answer
  }
  const close = (): void => {
    open.value = false
    root.current?.querySelector<HTMLElement>('button')?.focus()
  }
  const offersTeaching = store.kind.value === 'photo'
  const label = t(models.state === 'loading' ? 'top.modelLoading' : models.state === 'failed' ? 'top.modelFailed' : 'top.model',
    { name: models.current })
  return (
    <div class="menu-root" ref={root} onKeyDown={(e) => walk(e, close)}>
      <button class="button quiet" aria-haspopup="menu" aria-expanded={open.value} aria-label={`${label}: ${models.current}`}
        title={models.problem ?? label} onClick={() => (open.value = !open.value)}>
        <span class={`dot ${models.state}`} /> {models.current} <Icon name="down" size={16} />
      </button>
      {open.value && (
        <div class="menu" role="menu" aria-label={t('top.model')}>
          {models.models.map((model) => (
            <button key={model.name} role="menuitemradio" aria-checked={model.name === models.current} tabIndex={-1}
              onClick={() => void choose(model.name)}>
              <span class="tick">{model.name === models.current && <Icon name="check" size={16} />}</span>
              <span><b>{model.name}</b> <small>{model.licence}</small><br /><span class="muted">{model.summary}</span></span>
            </button>
          ))}
          {offersTeaching && (
            <div class="menu-group" role="none">
              <button role="menuitem" tabIndex={-1} onClick={() => { close(); store.panel.value = 'teach' }}>
                <span class="tick"><Icon name="spark" size={16} /></span>
                <span><b>{t('teach.open')}</b><br /><span class="muted">{t('teach.openHelp')}</span></span>
              </button>
            </div>
          )}
        </div>
      )}
    </div>
  )
}

function walk(event: KeyboardEvent, close: () => void): void {
  const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role^=menuitem]')]
  if (items.length === 0) return
  const at = items.indexOf(document.activeElement as HTMLElement)
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (event.key === 'Escape') close()
  else if (event.key === 'Tab') return close()
  else if (by) items[(at + by + items.length) % items.length]?.focus()
  else return
  event.preventDefault()
  event.stopPropagation()
}
