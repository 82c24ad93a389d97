/** Which chord means which command: the default, a preset over it, a person's own changes over both. */

import { COMMAND_IDS, COMMANDS, isCommand, placeOf, type Command } from './commands'
import { isChord, isForFocus, isReserved, isSingleKey } from './keys'
import { isPreset, PRESETS, type PresetName } from './presets'

export type KeyMap = Readonly<Record<Command, readonly string[]>>

export interface KeySettings {
  readonly preset: PresetName
  readonly changes: Readonly<Partial<Record<Command, readonly string[]>>>
}

export const DEFAULT_KEYS: KeySettings = { preset: 'default', changes: {} }

export interface KeyContext {
  /** The crosshair is on: Enter clicks. */
  readonly crosshair: boolean
  /** A place is proposed that the crosshair is not at yet: Enter goes there. */
  readonly proposed: boolean
  /** The canvas (not a button or list) has the focus. */
  readonly onCanvas: boolean
  /** Single characters are shortcuts. */
  readonly singleKeys: boolean
  /** Whether a command makes sense for the medium that is open. */
  offered(command: Command): boolean
}

/** The keys of every command. A chord has one meaning: a person's change takes it from the preset, and that from the default. */
export function resolve(settings: KeySettings): KeyMap {
  const taken = new Set<string>()
  const found: Partial<Record<Command, readonly string[]>> = {}
  const claim = (ids: readonly Command[], keysOf: (id: Command) => readonly string[]): void => {
    for (const id of ids) {
      found[id] = keysOf(id).filter((chord) => !taken.has(placed(id, chord)))
      for (const chord of found[id] ?? []) taken.add(placed(id, chord))
    }
  }
  const preset = PRESETS[settings.preset].keys
  const changed = COMMAND_IDS.filter((id) => settings.changes[id])
  const inPreset = COMMAND_IDS.filter((id) => preset[id] && !settings.changes[id])
  claim(changed, (id) => settings.changes[id] ?? [])
  claim(inPreset, (id) => preset[id] ?? [])
  claim(COMMAND_IDS.filter((id) => !found[id]), (id) => COMMANDS[id].keys)
  return found as KeyMap
}

/** The command of a chord, null if the key is not ours (the browser then does its own thing). */
export function commandOf(chord: string, map: KeyMap, context: KeyContext): Command | null {
  if (!context.onCanvas && isForFocus(chord)) return null
  if (!context.singleKeys && isSingleKey(chord)) return null
  const meant = COMMAND_IDS.filter((id) => map[id].includes(chord) && context.offered(id))
  // With the crosshair on, the arrows move it; without, they turn the cloud.
  const rest = context.crosshair ? (['crosshair', 'volume', 'anywhere', 'cloud'] as const) : (['cloud', 'volume', 'anywhere'] as const)
  const order = context.proposed ? (['proposed', ...rest] as const) : rest
  return order.flatMap((place) => meant.filter((id) => placeOf(id) === place))[0] ?? null
}

/** The command that has a chord already where the given one would use it. */
export function holderOf(map: KeyMap, command: Command, chord: string): Command | null {
  return COMMAND_IDS.find((id) => id !== command && placeOf(id) === placeOf(command) && map[id].includes(chord)) ?? null
}

/** Settings in which a command has exactly these keys, and no other command has any of them. */
export function withKeys(settings: KeySettings, command: Command, keys: readonly string[]): KeySettings {
  const map = resolve(settings)
  const changes: Partial<Record<Command, readonly string[]>> = { ...settings.changes, [command]: keys }
  for (const chord of keys) {
    const holder = holderOf(map, command, chord)
    if (holder) changes[holder] = (changes[holder] ?? map[holder]).filter((one) => one !== chord)
  }
  return { ...settings, changes }
}

export function withoutChange(settings: KeySettings, command: Command): KeySettings {
  const { [command]: _gone, ...changes } = settings.changes
  return { ...settings, changes }
}

/** Settings from a kept text; what is unknown or malformed in it is left out. */
export function readKeys(text: string | null): KeySettings {
  try {
    const { preset, changes } = JSON.parse(text ?? '') as { preset: unknown; changes: Record<string, unknown> }
    const kept = Object.entries(changes).filter(([id, keys]) => isCommand(id) && isKeyList(keys))
    return { preset: isPreset(preset) ? preset : 'default', changes: Object.fromEntries(kept) }
  } catch {
    return DEFAULT_KEYS
  }
}

function isKeyList(keys: unknown): boolean {
  return Array.isArray(keys) && keys.every((k) => typeof k === 'string' && isChord(k) && !isReserved(k))
}

function placed(command: Command, chord: string): string {
  return `${placeOf(command)} ${chord}`
}
