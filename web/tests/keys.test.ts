import { describe, expect, it } from 'vitest'
import { COMMAND_IDS, COMMANDS, placeOf, type Command } from '../src/state/commands'
import { commandOf, DEFAULT_KEYS, holderOf, readKeys, resolve, withKeys, withoutChange } from '../src/state/keymap'
import { chordOf, isChord, isReserved, isSingleKey, type KeyPress } from '../src/state/keys'
import { isOffered } from '../src/state/media'
import { PRESET_NAMES } from '../src/state/presets'

const canvas = { onCanvas: true, crosshair: false, proposed: false, singleKeys: true, offered: (id: Command) => isOffered(id, 'photo', undefined) }
const cloud = { ...canvas, offered: (id: Command) => isOffered(id, 'cloud', [{ name: 'cloud' as const, title: 'point clouds', commands: ['click', 'select', 'undo', 'shape'] }]) }
const DEFAULT = resolve(DEFAULT_KEYS)

const key = (text: string, code = ''): KeyPress => {
  const parts = text.split('+')
  return { key: parts[parts.length - 1] || '+', code, ctrl: parts.includes('Ctrl'), shift: parts.includes('Shift'), alt: parts.includes('Alt') }
}
const meant = (press: KeyPress, context = canvas, map = DEFAULT): Command | null => {
  const chord = chordOf(press)
  return chord === null ? null : commandOf(chord, map, context)
}

describe('keys', () => {
  it.each([
    ['Ctrl+z', 'undo'], ['Ctrl+Shift+Z', 'redo'], ['Ctrl+y', 'redo'], ['Ctrl+Enter', 'finish'], ['Ctrl+s', 'saved'],
    ['Enter', 'finish'], [' ', 'hold-pan'], ['Escape', 'start-over'], ['Delete', 'remove'], ['Backspace', 'remove'],
    ['1', 'class-1'], ['9', 'class-9'], ['0', 'fit'], ['Shift+0', 'full-size'],
    ['a', 'previous-image'], ['d', 'next-image'], ['PageUp', 'previous-image'], ['PageDown', 'next-image'],
    ['h', 'peek'], ['Shift+H', 'toggle-masks'], ['?', 'help'], ['Shift+?', 'help'], ['+', 'zoom-in'], ['Shift++', 'zoom-in'],
    ['ArrowLeft', 'left'], ['Shift+ArrowDown', 'down-10'], ['Ctrl+k', 'palette'], ['Ctrl+,', 'settings'],
  ])('%s means %s', (text, command) => {
    expect(meant(key(text))).toBe(command)
  })

  it.each(['Ctrl+w', 'Ctrl+t', 'Ctrl+n', 'Ctrl+r', 'Alt+a', 'Ctrl+0', 'Ctrl+1', 'F5', 'Tab', 'Shift', 'Dead'])('%s is left to the browser', (text) => {
    expect(meant(key(text))).toBeNull()
  })

  it('Enter clicks where the crosshair is', () => {
    const context = { ...canvas, crosshair: true }
    expect(meant(key('Enter'), context)).toBe('positive-here')
    expect(meant(key('Shift+Enter'), context)).toBe('negative-here')
    expect(meant(key('Ctrl+Enter'), context)).toBe('finish')
  })

  it('Enter goes to a proposed place before it clicks there', () => {
    expect(meant(key('Enter'), { ...canvas, proposed: true })).toBe('uncertainty-go')
    expect(meant(key('Enter'), { ...canvas, proposed: true, crosshair: true })).toBe('uncertainty-go')
    expect(meant(key('Enter'), { ...canvas, proposed: true, onCanvas: false })).toBeNull()
  })

  it.each([
    ['ArrowLeft', 'orbit-left'], ['Shift+ArrowUp', 'pan-up'], ['b', 'clip'], ['x', 'crosshair'], ['f', 'look-closer'], ['[', 'points-smaller'],
    ['l', 'tool-lasso'], ['c', 'tool-click'], ['Enter', 'finish'], ['.', 'grow'], ['d', 'next-image'],
  ])('%s means %s in a point cloud', (text, command) => {
    expect(meant(key(text), cloud)).toBe(command)
  })

  it('the crosshair takes the arrows from the camera, which keeps those with Ctrl', () => {
    const context = { ...cloud, crosshair: true }
    expect(meant(key('ArrowLeft'), context)).toBe('left')
    expect(meant(key('Ctrl+ArrowLeft'), context)).toBe('orbit-left')
    expect(meant(key('Enter'), context)).toBe('positive-here')
    expect(meant(key('x'), context)).toBe('crosshair')
  })

  it.each(['p', 'e', 'g', 'w', 's', 'o', 'z', 'Shift+0'])('%s, about pixels, means nothing in a point cloud', (text) => {
    expect(meant(key(text), cloud)).toBeNull()
  })

  it.each(['Enter', ' ', 'ArrowDown', 'Shift+ArrowDown'])('a focused button keeps %s', (text) => {
    expect(meant(key(text), { ...canvas, onCanvas: false })).toBeNull()
  })

  it('letters and digits are known by their place where another alphabet or an input method is on', () => {
    expect(chordOf(key('ф', 'KeyA'))).toBe('A')
    expect(chordOf(key('Process', 'KeyD'))).toBe('D')
    expect(chordOf(key('Shift+=', 'Digit0'))).toBe('Shift+0')
    expect(chordOf(key('à', 'Digit1'))).toBe('1')
    expect(chordOf(key('End', 'Numpad1'))).toBe('End')
  })

  it('single characters can be switched off, everything else stays', () => {
    const context = { ...canvas, singleKeys: false }
    for (const text of ['a', '1', '?', 'Shift+H']) expect(meant(key(text), context)).toBeNull()
    for (const text of ['Enter', 'Escape', 'Ctrl+z', 'PageUp', ' ', 'ArrowUp']) expect(meant(key(text), context)).not.toBeNull()
    const reachable = COMMAND_IDS.filter((id) => DEFAULT[id].some((chord) => !isSingleKey(chord)))
    for (const id of ['undo', 'finish', 'start-over', 'remove', 'next-image', 'palette', 'help', 'positive-here'] as const) expect(reachable).toContain(id)
  })
})

describe.each(PRESET_NAMES)('the preset %s', (preset) => {
  const map = resolve({ preset, changes: {} })

  it('has only chords that can be pressed and that browsers leave to pages', () => {
    for (const chord of Object.values(map).flat()) expect([chord, isChord(chord), isReserved(chord)]).toEqual([chord, true, false])
  })

  it('gives every chord one meaning', () => {
    for (const id of COMMAND_IDS) for (const chord of map[id]) expect([chord, holderOf(map, id, chord)]).toEqual([chord, null])
  })

  it('leaves no command without which nobody can work without a key', () => {
    for (const id of ['undo', 'redo', 'finish', 'start-over', 'next-image', 'previous-image', 'help', 'palette', 'remove', 'left'] as const) {
      expect(map[id].length).toBeGreaterThan(0)
    }
  })
})

describe('own keys', () => {
  it('the default keys of no two commands are the same', () => {
    const chords = COMMAND_IDS.flatMap((id) => COMMANDS[id].keys.map((chord) => `${placeOf(id)} ${chord}`))
    expect(new Set(chords).size).toBe(chords.length)
  })

  it('presets bring the keys of other programs', () => {
    expect(resolve({ preset: 'cvat', changes: {} }).finish).toContain('N')
    expect(resolve({ preset: 'isat', changes: {} }).undo).toContain('Z')
    expect(resolve({ preset: 'eiseg', changes: {} }).redo).toEqual(['Ctrl+Y'])
    expect(resolve({ preset: 'labelme', changes: {} })['aim-negative']).toEqual(['E'])
  })

  it('a key that is given to a command is taken from the one that had it, and both changes can be undone', () => {
    const changed = withKeys(DEFAULT_KEYS, 'finish', ['D'])
    const map = resolve(changed)
    expect(map.finish).toEqual(['D'])
    expect(map['next-image']).toEqual(['PageDown'])
    expect(meant(key('Enter'), canvas, map)).toBeNull()
    const back = withoutChange(withoutChange(changed, 'finish'), 'next-image')
    expect(resolve(back)).toEqual(DEFAULT)
  })

  it('survives being kept, and nonsense does no harm', () => {
    const changed = withKeys({ preset: 'isat', changes: {} }, 'fit', ['Ctrl+F'])
    expect(readKeys(JSON.stringify(changed))).toEqual(changed)
    expect(readKeys(null)).toEqual(DEFAULT_KEYS)
    expect(readKeys('{')).toEqual(DEFAULT_KEYS)
    expect(readKeys('{"preset":"vi","changes":{"fit":["Ctrl+W"],"undo":"Z","fly":["F"],"redo":["Ctrl+X"]}}')).toEqual({
      preset: 'default', changes: { redo: ['Ctrl+X'] },
    })
  })
})
