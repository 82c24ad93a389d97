import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { COMMAND_IDS, COMMANDS, GROUPS, type Command } from '../state/commands'
import { holderOf, withKeys, withoutChange } from '../state/keymap'
import { chordOf, isReserved } from '../state/keys'
import { t } from '../state/strings'
import { pressOf } from '../tools/keyboard'
import { useApp } from './app'
import { Icon } from './icons'
import { showChord } from './keys'

/** The keys of every command, and how to give it others. */
export function KeyEditor(): JSX.Element {
  const { store } = useApp()
  const said = useSignal('')
  const changed = Object.keys(store.keys.value.changes).length > 0
  return (
    <div class="key-editor">
      <p role="status" class="muted said">{said.value || t('keys.help')}</p>
      {GROUPS.map((group) => (
        <section key={group} aria-label={t(`group.${group}`)}>
          <h4>{t(`group.${group}`)}</h4>
          <ul class="rows">
            {COMMAND_IDS.filter((id) => COMMANDS[id].group === group).map((id) => (
              <KeyRow key={id} command={id} say={(text) => (said.value = text)} />
            ))}
          </ul>
        </section>
      ))}
      <div class="form-end">
        <button class="button" disabled={!changed} onClick={() => (store.keys.value = { ...store.keys.value, changes: {} })}>{t('keys.resetAll')}</button>
      </div>
    </div>
  )
}

function KeyRow({ command, say }: { command: Command; say: (text: string) => void }): JSX.Element {
  const { store } = useApp()
  const listening = useSignal(false)
  const name = t(`command.${command}`)
  const keys = store.keyMap.value[command]
  const set = (chords: readonly string[]): void => {
    store.keys.value = withKeys(store.keys.value, command, chords)
  }
  const press = (event: KeyboardEvent): void => {
    const chord = chordOf(pressOf(event))
    if (!listening.value || chord === null) return
    event.preventDefault()
    event.stopPropagation()
    if (isReserved(chord)) return say(t('keys.reserved', { key: showChord(chord) }))
    const holder = holderOf(store.keyMap.value, command, chord)
    set([...keys.filter((one) => one !== chord), chord])
    listening.value = false
    say(t(holder ? 'keys.taken' : 'keys.set', { key: showChord(chord), command: name, other: holder ? t(`command.${holder}`) : '' }))
  }
  return (
    <li class="row key-row" data-command={command}>
      <span class="row-name">{name}</span>
      <span class="chords">
        {keys.map((chord) => (
          <button key={chord} class="chord" aria-label={t('keys.remove', { key: showChord(chord), command: name })}
            title={t('keys.remove', { key: showChord(chord), command: name })} onClick={() => set(keys.filter((one) => one !== chord))}>
            {showChord(chord)} <Icon name="close" size={12} />
          </button>
        ))}
      </span>
      <button class="button" aria-label={listening.value ? t('keys.press') : t('keys.addTo', { command: name })} aria-pressed={listening.value}
        onClick={() => (listening.value = !listening.value)} onBlur={() => (listening.value = false)} onKeyDown={press}>
        {t(listening.value ? 'keys.press' : 'keys.add')}
      </button>
      <button class="icon-button small" disabled={!store.keys.value.changes[command]} aria-label={t('keys.reset', { command: name })}
        title={t('keys.reset', { command: name })} onClick={() => (store.keys.value = withoutChange(store.keys.value, command))}>
        <Icon name="undo" size={16} />
      </button>
    </li>
  )
}
