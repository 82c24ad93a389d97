/**
 * Everything that a key, a button or the command palette can ask for. A new command is a line here, its name
 * `command.<id>` in the catalogues, and an action in tools/actions.ts.
 */

import type { Kind } from './media'
import type { CommandBody } from './wire'

export type Group = 'clicks' | 'objects' | 'review' | 'tools' | 'shape' | 'look' | 'cloud' | 'volume' | 'images' | 'keyboard' | 'page'

export interface CommandSpec {
  /** Where the list of keys and the palette show it. */
  readonly group: Group
  /** Chords of the default preset, written as in keys.ts. */
  readonly keys: readonly string[]
  /** The keys mean this only while the crosshair is on, or while a place is proposed that it is not at yet. */
  readonly where?: 'crosshair' | 'proposed'
  /** The one kind of medium that it is about; in a point cloud the keys of `cloud` go before others. */
  readonly only?: Kind
  /** Kinds of media that it makes no sense for. */
  readonly not?: readonly Kind[]
  /** What it asks of the server, one of which the kind of medium has to understand. */
  readonly sends?: readonly CommandBody['type'][]
  /** Goes on while the key is held down. */
  readonly repeats?: true
  /** Lasts as long as the key is held, so neither the palette nor a button can run it. */
  readonly held?: true
}

const TABLE = {
  'undo': { group: 'clicks', keys: ['Ctrl+Z'], repeats: true },
  'redo': { group: 'clicks', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], repeats: true },
  'finish': { group: 'clicks', keys: ['Enter', 'Ctrl+Enter'] },
  'start-over': { group: 'clicks', keys: ['Escape'] },
  'aim-positive': { group: 'clicks', keys: [] },
  'aim-negative': { group: 'clicks', keys: [] },
  'turn-sign': { group: 'clicks', keys: ['T'] },

  'class-1': { group: 'objects', keys: ['1'] },
  'class-2': { group: 'objects', keys: ['2'] },
  'class-3': { group: 'objects', keys: ['3'] },
  'class-4': { group: 'objects', keys: ['4'] },
  'class-5': { group: 'objects', keys: ['5'] },
  'class-6': { group: 'objects', keys: ['6'] },
  'class-7': { group: 'objects', keys: ['7'] },
  'class-8': { group: 'objects', keys: ['8'] },
  'class-9': { group: 'objects', keys: ['9'] },
  'next-mask': { group: 'clicks', keys: ['N'], sends: ['next_mask'] },
  'accept': { group: 'clicks', keys: ['Y'], sends: ['accept'] },
  'accept-review': { group: 'review', keys: ['Shift+A'] },
  'reject-review': { group: 'review', keys: ['Shift+R'] },
  'next-review': { group: 'review', keys: ['I'] },
  'accept-image': { group: 'review', keys: [] },
  'reject-image': { group: 'review', keys: [] },
  'ignore': { group: 'objects', keys: ['J'] },
  'lock': { group: 'objects', keys: ['K'] },
  'reopen': { group: 'objects', keys: ['R'] },
  'remove': { group: 'objects', keys: ['Delete', 'Backspace'] },

  'tool-click': { group: 'tools', keys: ['C'] },
  'tool-box': { group: 'tools', keys: ['B'], sends: ['box'] },
  'tool-scribble': { group: 'tools', keys: ['S'], sends: ['scribble'] },
  'tool-lasso': { group: 'tools', keys: ['L'], sends: ['lasso', 'select'] },
  'tool-brush': { group: 'tools', keys: ['P'], sends: ['paint'] },
  'tool-eraser': { group: 'tools', keys: ['E'], sends: ['paint'] },
  'tool-polygon': { group: 'tools', keys: ['G'], sends: ['polygon'] },
  'tool-wand': { group: 'tools', keys: ['W'], sends: ['wand'] },
  'tool-select': { group: 'tools', keys: ['V'] },
  'tool-cut': { group: 'shape', keys: ['X'], only: 'photo' },
  'brush-smaller': { group: 'tools', keys: ['['], repeats: true, sends: ['paint'] },
  'brush-larger': { group: 'tools', keys: [']'], repeats: true, sends: ['paint'] },

  'fill-holes': { group: 'shape', keys: ['F'], not: ['cloud'] },
  'keep-largest': { group: 'shape', keys: [], not: ['volume'], sends: ['shape'] },
  'remove-specks': { group: 'shape', keys: [], sends: ['shape'] },
  'smooth': { group: 'shape', keys: ['O'], not: ['cloud'] },
  'grow': { group: 'shape', keys: ['.'], sends: ['shape'] },
  'shrink': { group: 'shape', keys: [','], sends: ['shape'] },
  'split': { group: 'shape', keys: [], sends: ['split'] },
  'merge': { group: 'shape', keys: ['M'], sends: ['combine'] },
  'subtract': { group: 'shape', keys: [], sends: ['combine'] },
  'intersect': { group: 'shape', keys: [], sends: ['combine'] },
  'exclude': { group: 'shape', keys: [], sends: ['combine'] },

  'uncertainty': { group: 'look', keys: ['U'], only: 'photo' },
  'uncertainty-back': { group: 'look', keys: ['Shift+U'], only: 'photo' },
  'uncertainty-go': { group: 'look', keys: ['Enter'], where: 'proposed', only: 'photo' },
  'zoom-in': { group: 'look', keys: ['+', '='], repeats: true },
  'zoom-out': { group: 'look', keys: ['-'], repeats: true },
  'fit': { group: 'look', keys: ['0'] },
  'full-size': { group: 'look', keys: ['Shift+0'], not: ['cloud'] },
  'hold-pan': { group: 'look', keys: ['Space'], held: true },
  'matte': { group: 'look', keys: ['Q'], held: true },
  'loupe': { group: 'look', keys: ['Z'], held: true, not: ['cloud'] },
  'peek': { group: 'look', keys: ['H'], held: true },
  'toggle-masks': { group: 'look', keys: ['Shift+H'] },
  'toggle-panels': { group: 'look', keys: ['F2'] },
  'toggle-strip': { group: 'look', keys: ['F4'] },

  'orbit-left': { group: 'cloud', keys: ['ArrowLeft', 'Ctrl+ArrowLeft'], repeats: true, only: 'cloud' },
  'orbit-right': { group: 'cloud', keys: ['ArrowRight', 'Ctrl+ArrowRight'], repeats: true, only: 'cloud' },
  'orbit-up': { group: 'cloud', keys: ['ArrowUp', 'Ctrl+ArrowUp'], repeats: true, only: 'cloud' },
  'orbit-down': { group: 'cloud', keys: ['ArrowDown', 'Ctrl+ArrowDown'], repeats: true, only: 'cloud' },
  'pan-left': { group: 'cloud', keys: ['Shift+ArrowLeft'], repeats: true, only: 'cloud' },
  'pan-right': { group: 'cloud', keys: ['Shift+ArrowRight'], repeats: true, only: 'cloud' },
  'pan-up': { group: 'cloud', keys: ['Shift+ArrowUp'], repeats: true, only: 'cloud' },
  'pan-down': { group: 'cloud', keys: ['Shift+ArrowDown'], repeats: true, only: 'cloud' },
  'crosshair': { group: 'cloud', keys: ['X'], only: 'cloud' },
  'look-closer': { group: 'cloud', keys: ['F'], only: 'cloud' },
  'view-top': { group: 'cloud', keys: ['Shift+1'], only: 'cloud' },
  'view-front': { group: 'cloud', keys: ['Shift+2'], only: 'cloud' },
  'view-side': { group: 'cloud', keys: ['Shift+3'], only: 'cloud' },
  'next-colouring': { group: 'cloud', keys: ['Shift+C'], only: 'cloud' },
  'points-smaller': { group: 'cloud', keys: ['['], repeats: true, only: 'cloud' },
  'points-larger': { group: 'cloud', keys: [']'], repeats: true, only: 'cloud' },
  'toggle-lighting': { group: 'cloud', keys: ['Shift+L'], only: 'cloud' },
  'toggle-dimming': { group: 'cloud', keys: ['Shift+D'], only: 'cloud' },
  'clip': { group: 'cloud', keys: ['B'], only: 'cloud' },
  'clip-object': { group: 'cloud', keys: ['Shift+B'], only: 'cloud' },
  'labels': { group: 'cloud', keys: [], only: 'cloud' },

  'next-slice': { group: 'volume', keys: ['PageDown'], repeats: true, only: 'volume' },
  'previous-slice': { group: 'volume', keys: ['PageUp'], repeats: true, only: 'volume' },
  'first-slice': { group: 'volume', keys: ['Home'], only: 'volume' },
  'last-slice': { group: 'volume', keys: ['End'], only: 'volume' },
  'next-plane': { group: 'volume', keys: ['Shift+O'], only: 'volume' },
  'carry-both': { group: 'volume', keys: ['J'], only: 'volume', sends: ['propagate'] },
  'carry-forward': { group: 'volume', keys: ['Shift+PageDown'], only: 'volume', sends: ['propagate'] },
  'carry-backward': { group: 'volume', keys: ['Shift+PageUp'], only: 'volume', sends: ['propagate'] },
  'stop-carrying': { group: 'volume', keys: [], only: 'volume', sends: ['stop'] },

  'previous-image': { group: 'images', keys: ['A', 'PageUp'] },
  'next-image': { group: 'images', keys: ['D', 'PageDown'] },

  'left': { group: 'keyboard', keys: ['ArrowLeft'], repeats: true },
  'right': { group: 'keyboard', keys: ['ArrowRight'], repeats: true },
  'up': { group: 'keyboard', keys: ['ArrowUp'], repeats: true },
  'down': { group: 'keyboard', keys: ['ArrowDown'], repeats: true },
  'left-10': { group: 'keyboard', keys: ['Shift+ArrowLeft'], repeats: true },
  'right-10': { group: 'keyboard', keys: ['Shift+ArrowRight'], repeats: true },
  'up-10': { group: 'keyboard', keys: ['Shift+ArrowUp'], repeats: true },
  'down-10': { group: 'keyboard', keys: ['Shift+ArrowDown'], repeats: true },
  'positive-here': { group: 'keyboard', keys: ['Enter'], where: 'crosshair' },
  'negative-here': { group: 'keyboard', keys: ['Shift+Enter'], where: 'crosshair' },

  'palette': { group: 'page', keys: ['Ctrl+K'] },
  'help': { group: 'page', keys: ['?', 'F1'] },
  'settings': { group: 'page', keys: ['Ctrl+,'] },
  'statistics': { group: 'page', keys: ['F7'] },
  'compare': { group: 'page', keys: ['F8'] },
  'teach': { group: 'page', keys: [], only: 'photo' },
  'export': { group: 'page', keys: [] },
  'import': { group: 'page', keys: [] },
  'saved': { group: 'page', keys: ['Ctrl+S'] },
} as const satisfies Readonly<Record<string, CommandSpec>>

export type Command = keyof typeof TABLE
export type HeldCommand = { [C in Command]: (typeof TABLE)[C] extends { held: true } ? C : never }[Command]

/** Commands about clouds alone. */
export type CloudCommand = { [C in Command]: (typeof TABLE)[C] extends { only: 'cloud' } ? C : never }[Command]

/** Commands about volumes alone. */
export type VolumeCommand = { [C in Command]: (typeof TABLE)[C] extends { only: 'volume' } ? C : never }[Command]

export const COMMANDS: Readonly<Record<Command, CommandSpec>> = TABLE
export const COMMAND_IDS = Object.keys(TABLE) as readonly Command[]
export const GROUPS: readonly Group[] = ['clicks', 'objects', 'review', 'tools', 'shape', 'look', 'cloud', 'volume', 'images', 'keyboard', 'page']

export function isHeld(command: Command): command is HeldCommand {
  return COMMANDS[command].held === true
}

export function isCommand(name: string): name is Command {
  return name in TABLE
}

/** Commands share a chord only where they are in different places. */
export function placeOf(command: Command): 'crosshair' | 'proposed' | 'cloud' | 'volume' | 'anywhere' {
  const { where, only } = COMMANDS[command]
  return where ?? (only === 'cloud' || only === 'volume' ? only : 'anywhere')
}
