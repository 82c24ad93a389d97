import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Command } from '../state/commands'
import { isOffered } from '../state/media'
import { t } from '../state/strings'
import { focusCanvas, useApp } from './app'
import { Icon } from './icons'
import { firstKey } from './keys'

const GROUPS: readonly (readonly Command[])[] = [
  ['fill-holes', 'keep-largest', 'remove-specks', 'smooth', 'grow', 'shrink'],
  ['split', 'tool-cut'],
  ['merge', 'subtract', 'intersect', 'exclude'],
]

/** What can be asked of the shape of the object at hand. */
export function ShapeMenu(): JSX.Element {
  const { store, run } = useApp()
  const open = useSignal(false)
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!open.value) return
    root.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus()
    const outside = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) open.value = false
    }
    window.addEventListener('pointerdown', outside)
    return () => window.removeEventListener('pointerdown', outside)
  }, [open.value])

  const close = (): void => {
    open.value = false
    focusCanvas()
  }
  const { kind, project } = store
  const groups = GROUPS.map((group) => group.filter((command) => isOffered(command, kind.value, project.value?.kinds))).filter((group) => group.length > 0)
  return (
    <div class="menu-root" ref={root} onKeyDown={(e) => open.value && walk(e, close)}>
      <button class="button quiet" aria-haspopup="menu" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        <Icon name="shape" size={16} /> {t('shape.menu')}
      </button>
      {open.value && (
        <div class="menu up">
          <label class="menu-field">{t(`shape.amount.${kind.value}`)}
            <input class="field" type="number" min="1" max="100" value={store.amount.value}
              onInput={(e) => (store.amount.value = Math.min(Math.max(Number(e.currentTarget.value) || 1, 1), 100))} />
          </label>
          <div role="menu" aria-label={t('shape.menu')}>
            {groups.map((group, i) => (
              <div key={i} role="group" class="menu-group">
                {group.map((command) => <Item key={command} command={command} onRun={() => { close(); run(command) }} />)}
              </div>
            ))}
          </div>
        </div>
      )}
    </div>
  )
}

function Item({ command, onRun }: { command: Command; onRun: () => void }): JSX.Element {
  const { store } = useApp()
  const key = firstKey(store, command)
  return (
    <button role="menuitem" tabIndex={-1} onClick={onRun}>
      <span>{t(`command.${command}`)}</span> {key && <kbd>{key}</kbd>}
    </button>
  )
}

function walk(event: KeyboardEvent, close: () => void): void {
  const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=menuitem]')]
  const at = items.indexOf(document.activeElement as HTMLElement)
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (event.key === 'Escape') close()
  else if (by) items[(at + by + items.length) % items.length]?.focus()
  else return
  event.preventDefault()
  event.stopPropagation()
}
