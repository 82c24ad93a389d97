import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { COMMAND_IDS, COMMANDS, isHeld, type Command } from '../state/commands'
import { isOffered } from '../state/media'
import { rank } from '../state/search'
import type { Store } from '../state/store'
import { t } from '../state/strings'
import { useApp } from './app'
import { Dialog } from './Dialog'
import { showChord } from './keys'

const SHOWN = 50

interface Entry {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly chords: readonly string[]
  go(): void
}

/** Every command, class and image by its name, for those who do not know its key. */
export function Palette(): JSX.Element {
  const { store } = useApp()
  const entries = useEntries()
  const text = useSignal('')
  const at = useSignal(0)
  const list = useRef<HTMLUListElement>(null)
  // Enter may come before the list of the newest letter is drawn, so it looks anew.
  const find = (): Entry[] => rank(entries, text.value, (entry) => entry.name).slice(0, SHOWN)
  const found = find()
  const chosen = Math.min(at.value, found.length - 1)
  useEffect(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [chosen])

  const go = (entry: Entry | undefined): void => {
    if (!entry) return
    store.panel.value = null
    entry.go()
  }
  const keyDown = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (event.key === 'Enter') go(find()[at.value])
    else if (by && found.length) at.value = (chosen + by + found.length) % found.length
    else return
    event.preventDefault()
  }
  return (
    <Dialog title={t('palette.title')}>
      <input class="field" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label={t('palette.search')}
        aria-activedescendant={found[chosen] ? `palette-${found[chosen].id}` : undefined} placeholder={t('palette.search')} value={text.value}
        autofocus onInput={(e) => { text.value = e.currentTarget.value; at.value = 0 }} onKeyDown={keyDown} />
      <ul id="palette-list" class="palette" role="listbox" aria-label={t('palette.title')} ref={list}>
        {found.map((entry, i) => (
          <li key={entry.id} id={`palette-${entry.id}`} role="option" aria-selected={i === chosen} onClick={() => go(entry)}>
            <span>{entry.name}</span>
            <span class="muted">{entry.kind}</span>
            <span class="chords">{entry.chords.slice(0, 2).map((chord) => <kbd key={chord}>{showChord(chord)}</kbd>)}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted">{t('palette.none')}</p>}
    </Dialog>
  )
}

function useEntries(): Entry[] {
  const { store, annotator, run } = useApp()
  const commands = offered(store).map((id) => ({
    id, name: t(`command.${id}`), kind: t(`group.${COMMANDS[id].group}`), chords: store.keyMap.value[id], go: () => run(id),
  }))
  const classes = store.classes.value.map((one) => ({
    id: `class${one.id}`, name: one.name, kind: t('palette.class'), chords: one.key ? [String(one.key)] : [], go: () => annotator.chooseClass(one.id),
  }))
  const images = store.images.value.map((one) => ({
    id: `image${one.id}`, name: one.name, kind: t('palette.image'), chords: [], go: () => annotator.open(one.id),
  }))
  return [...commands, ...classes, ...images]
}

function offered({ kind, project }: Store): Command[] {
  return COMMAND_IDS.filter((id) => !isHeld(id) && isOffered(id, kind.value, project.value?.kinds) && COMMANDS[id].group !== 'keyboard' && id !== 'palette')
}
