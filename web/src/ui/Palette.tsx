import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { COMMAND_IDS, COMMANDS, isHeld, type Command } from '../state/commands'
import { rank } from '../state/search'
import { t } from '../state/strings'
import { useApp } from './app'
import { Dialog } from './Dialog'
import { showChord } from './keys'

const SHOWN = 50

/** Every command by its name, for those who do not know its key. */
export function Palette(): JSX.Element {
  const { store, run } = useApp()
  const text = useSignal('')
  const at = useSignal(0)
  const list = useRef<HTMLUListElement>(null)
  const found = rank(offered(), text.value, (id) => t(`command.${id}`)).slice(0, SHOWN)
  const chosen = Math.min(at.value, found.length - 1)
  useEffect(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [chosen])

  const go = (command: Command | undefined): void => {
    if (!command) return
    store.panel.value = null
    run(command)
  }
  const keyDown = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (event.key === 'Enter') go(found[chosen])
    else if (by && found.length) at.value = (chosen + by + found.length) % found.length
    else return
    event.preventDefault()
  }
  return (
    <Dialog title={t('palette.title')}>
      <input class="field" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label={t('palette.search')}
        aria-activedescendant={found[chosen] ? `palette-${found[chosen]}` : undefined} placeholder={t('palette.search')} value={text.value}
        autofocus onInput={(e) => { text.value = e.currentTarget.value; at.value = 0 }} onKeyDown={keyDown} />
      <ul id="palette-list" class="palette" role="listbox" aria-label={t('palette.title')} ref={list}>
        {found.map((id, i) => (
          <li key={id} id={`palette-${id}`} role="option" aria-selected={i === chosen} onClick={() => go(id)}>
            <span>{t(`command.${id}`)}</span>
            <span class="muted">{t(`group.${COMMANDS[id].group}`)}</span>
            <span class="chords">{store.keyMap.value[id].slice(0, 2).map((chord) => <kbd key={chord}>{showChord(chord)}</kbd>)}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted">{t('palette.none')}</p>}
    </Dialog>
  )
}

function offered(): Command[] {
  return COMMAND_IDS.filter((id) => !isHeld(id) && COMMANDS[id].group !== 'keyboard' && id !== 'palette')
}
