/** Keys of the annotators that people come from. What a preset does not name keeps its default key. */

import type { Command } from './commands'

interface Preset {
  /** The programs' own names. */
  readonly title: string
  readonly keys: Readonly<Partial<Record<Command, readonly string[]>>>
  /** Only Ctrl+wheel zooms; the wheel alone moves the image. */
  readonly wheelScrolls?: true
}

const TABLE = {
  'default': { title: 'clickmask', keys: {} },
  'eiseg': {
    title: 'EISeg, RITM',
    keys: {
      'redo': ['Ctrl+Y'], 'start-over': ['Ctrl+Shift+Z', 'Escape'], 'previous-image': ['S', 'PageUp'], 'next-image': ['F', 'PageDown'],
      'remove': ['Backspace', 'Delete'],
    },
    wheelScrolls: true,
  },
  'isat': {
    title: 'ISAT',
    keys: {
      'tool-click': ['Q'], 'tool-box': ['W'], 'finish': ['E', 'Enter', 'Ctrl+Enter'], 'undo': ['Z', 'Ctrl+Z'],
      'toggle-masks': ['V', 'Shift+H'], 'tool-select': ['Shift+V'], 'fit': ['F', '0'],
    },
  },
  'labelme': {
    title: 'X-AnyLabeling, labelme',
    keys: {
      'aim-positive': ['Q'], 'aim-negative': ['E'], 'finish': ['F', 'Enter', 'Ctrl+Enter'], 'start-over': ['B', 'Escape'], 'tool-box': ['Shift+B'],
      'toggle-masks': ['S', 'Ctrl+H'], 'fit': ['Ctrl+F', '0'],
    },
    wheelScrolls: true,
  },
  'cvat': {
    title: 'CVAT',
    keys: {
      'finish': ['N', 'Enter', 'Ctrl+Enter'], 'previous-image': ['D', 'PageUp'], 'next-image': ['F', 'PageDown'], 'toggle-masks': ['H', 'Shift+H'],
      'peek': ['Shift+P'],
    },
  },
  'supervisely': {
    title: 'Supervisely',
    keys: { 'redo': ['Ctrl+Y', 'Ctrl+Shift+Z'], 'toggle-masks': ['Ctrl+H', 'Shift+H'] },
  },
} as const satisfies Readonly<Record<string, Preset>>

export type PresetName = keyof typeof TABLE
export const PRESETS: Readonly<Record<PresetName, Preset>> = TABLE
export const PRESET_NAMES = Object.keys(TABLE) as readonly PresetName[]

export function isPreset(name: unknown): name is PresetName {
  return typeof name === 'string' && name in TABLE
}
