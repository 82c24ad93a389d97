/** Which key does what. Pure: the caller turns keyboard events into `KeyPress` and runs the command. */

export interface KeyPress {
  readonly key: string
  readonly ctrl: boolean
  readonly shift: boolean
  readonly alt: boolean
}

export type Command =
  | 'undo' | 'redo' | 'finish' | 'reset' | 'remove' | 'reopen'
  | 'next-image' | 'previous-image'
  | 'fit' | 'full-size' | 'zoom-in' | 'zoom-out'
  | 'toggle-masks' | 'peek' | 'space'
  | 'tool-click' | 'tool-box' | 'tool-select'
  | 'positive-here' | 'negative-here'
  | 'left' | 'right' | 'up' | 'down' | 'left-10' | 'right-10' | 'up-10' | 'down-10'
  | 'help' | 'saved' | 'toggle-panel'
  | `class-${number}`

export interface KeyContext {
  /** The crosshair is on: Enter clicks. */
  readonly crosshair: boolean
  /** The canvas (not a button or list) has the focus. */
  readonly onCanvas: boolean
}

const PLAIN: Readonly<Record<string, Command>> = {
  Escape: 'reset',
  Delete: 'remove', Backspace: 'remove',
  PageUp: 'previous-image', PageDown: 'next-image', a: 'previous-image', d: 'next-image',
  '0': 'fit', '+': 'zoom-in', '=': 'zoom-in', '-': 'zoom-out',
  h: 'peek', c: 'tool-click', b: 'tool-box', v: 'tool-select', r: 'reopen', '?': 'help', F2: 'toggle-panel',
}

const ARROWS: Readonly<Record<string, 'left' | 'right' | 'up' | 'down'>> = {
  ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down',
}

/** The command of a key press, null if the key is not ours (the browser then does its own thing). */
export function commandOf(press: KeyPress, context: KeyContext): Command | null {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key
  if (press.ctrl) return withCtrl(key, press)
  if (press.alt) return null
  if (context.onCanvas) {
    const onCanvas = canvasKey(key, press, context)
    if (onCanvas) return onCanvas
  }
  if (press.shift) return withShift(key)
  return /^[1-9]$/.test(key) ? (`class-${Number(key)}` as Command) : (PLAIN[key] ?? null)
}

function withCtrl(key: string, press: KeyPress): Command | null {
  if (press.alt) return null
  if (key === 'z') return press.shift ? 'redo' : 'undo'
  if (press.shift) return null
  return key === 'y' ? 'redo' : key === 's' ? 'saved' : key === 'Enter' ? 'finish' : null
}

function withShift(key: string): Command | null {
  // Shift+0 arrives as the character above 0, which differs between keyboards; the caller maps it back.
  return key === '0' ? 'full-size' : key === 'h' ? 'toggle-masks' : key === '?' ? 'help' : key === '+' ? 'zoom-in' : null
}

function canvasKey(key: string, press: KeyPress, context: KeyContext): Command | null {
  const arrow = ARROWS[key]
  if (arrow) return press.shift ? `${arrow}-10` : arrow
  if (key === ' ') return 'space'
  if (key !== 'Enter') return null
  if (!context.crosshair) return 'finish'
  return press.shift ? 'negative-here' : 'positive-here'
}
