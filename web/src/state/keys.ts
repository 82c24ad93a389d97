/**
 * Key presses as chords: modifiers in the order Ctrl, Alt, Shift, then the key, joined by `+`. Ctrl stands for Cmd on a
 * Mac. Letters are capitals (`Shift+H`), digits keep their Shift (`Shift+0`), other characters are written as they
 * arrive and without Shift (`?`, `+`), because which of them need Shift differs between keyboards.
 */

export interface KeyPress {
  /** As KeyboardEvent.key. */
  readonly key: string
  /** As KeyboardEvent.code, the place on the keyboard. */
  readonly code: string
  readonly ctrl: boolean
  readonly shift: boolean
  readonly alt: boolean
}

const MODIFIERS = ['Ctrl', 'Alt', 'Shift']
const NAMED = /^(Enter|Space|Escape|Delete|Backspace|Home|End|PageUp|PageDown|Insert|Arrow(Left|Right|Up|Down)|F([1-9]|1[0-2]))$/

/** What browsers and systems keep for themselves, or what nobody may lose: such chords are never bound. */
const RESERVED = new Set([
  'Ctrl+W', 'Ctrl+T', 'Ctrl+N', 'Ctrl+Shift+W', 'Ctrl+Shift+T', 'Ctrl+Shift+N', 'Ctrl+R', 'Ctrl+Shift+R', 'Ctrl+L', 'Ctrl+Q',
  'Ctrl+Shift+I', 'Ctrl+Shift+J', 'Ctrl+0', 'Ctrl++', 'Ctrl+-', 'Ctrl+=', 'F5', 'F11', 'F12', 'Alt+F4', 'Alt+ArrowLeft', 'Alt+ArrowRight',
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `Ctrl+${digit}`),
])

/** The chord of a key press; null for a modifier alone, a dead key or what an input method is composing. */
export function chordOf(press: KeyPress): string | null {
  const key = keyName(press)
  if (key === null) return null
  const symbol = key.length === 1 && !/[A-Z0-9]/.test(key)
  const held = [press.ctrl, press.alt, press.shift && !symbol]
  return [...MODIFIERS.filter((_, i) => held[i]), key].join('+')
}

function keyName({ key, code }: KeyPress): string | null {
  // Digits by their place, so that Shift+0 is the same key everywhere.
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1]
  if (digit && !/^(Home|End|Page|Arrow|Insert|Delete)/.test(key)) return digit
  if (key === ' ') return 'Space'
  if (/^[a-z]$/i.test(key)) return key.toUpperCase()
  // Other alphabets and Alt on a Mac: the letter printed there on a Latin keyboard.
  const letter = /^Key([A-Z])$/.exec(code)?.[1]
  if (letter && key !== 'Dead') return letter
  if (key.length === 1) return key
  return NAMED.test(key) ? key : null
}

/** Whether a text is a chord as chordOf writes it. */
export function isChord(text: string): boolean {
  const { modifiers, key } = splitChord(text)
  const inOrder = MODIFIERS.filter((m) => modifiers.includes(m))
  if (inOrder.join('+') !== modifiers.join('+')) return false
  if (NAMED.test(key) || /^[A-Z0-9]$/.test(key)) return true
  return key.length === 1 && !/[a-z\s]/.test(key) && !modifiers.includes('Shift')
}

export function splitChord(chord: string): { modifiers: readonly string[]; key: string } {
  const key = chord.endsWith('+') ? '+' : chord.slice(chord.lastIndexOf('+') + 1)
  const before = chord.slice(0, chord.length - key.length)
  return { modifiers: before.split('+').filter(Boolean), key }
}

export function isReserved(chord: string): boolean {
  return RESERVED.has(chord)
}

/** A character without Ctrl or Alt: what people who dictate type by accident (WCAG 2.1.4). */
export function isSingleKey(chord: string): boolean {
  const { modifiers, key } = splitChord(chord)
  return key.length === 1 && !modifiers.includes('Ctrl') && !modifiers.includes('Alt')
}

/** What a focused button or list needs for itself, so it is ours on the canvas only. */
export function isForFocus(chord: string): boolean {
  return /^(Shift\+)?(Enter|Space|Home|End|Arrow(Left|Right|Up|Down))$/.test(chord)
}
