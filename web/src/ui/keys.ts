/** Keys as people read them. */

import { COMMANDS, type Command } from '../state/commands'
import { commandOf } from '../state/keymap'
import { splitChord } from '../state/keys'
import { isOffered } from '../state/media'
import type { Store } from '../state/store'
import { isKey, t } from '../state/strings'

const IS_MAC = /Mac|iPad|iPhone/.test(navigator.platform)
const SHORT: Readonly<Record<string, string>> = {
  Escape: 'Esc', Delete: 'Del', PageUp: 'PgUp', PageDown: 'PgDn', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', '-': '−',
}
const ON_MAC: Readonly<Record<string, string>> = { Ctrl: '⌘', Alt: '⌥', Shift: '⇧' }

export function showChord(chord: string): string {
  const { modifiers, key } = splitChord(chord)
  const name = `key.${key}`
  const shown = SHORT[key] ?? (isKey(name) ? t(name) : key)
  if (IS_MAC) return modifiers.map((m) => ON_MAC[m]).join('') + shown
  return [...modifiers, shown].join('+')
}

const isOfferedNow = ({ kind, project }: Store) => (command: Command): boolean => isOffered(command, kind.value, project.value?.kinds)

/** The key to tell people for a command: the first that does not mean something else at the moment, null without any. */
export function firstKey(store: Store, command: Command): string | null {
  const map = store.keyMap.value
  const context = { onCanvas: true, crosshair: store.crosshair.value !== null, proposed: store.proposed.value, singleKeys: true, offered: isOfferedNow(store) }
  const chords = map[command]
  const chord = chords.find((one) => COMMANDS[command].where !== undefined || commandOf(one, map, context) === command) ?? chords[0]
  return chord === undefined ? null : showChord(chord)
}

/** A text with the key of its command behind it. */
export function withKey(store: Store, text: string, command: Command): string {
  const key = firstKey(store, command)
  return key === null ? text : t('key.with', { text, key })
}
