import { describe, expect, it } from 'vitest'
import { commandOf, type KeyPress } from '../src/state/keys'

const canvas = { onCanvas: true, crosshair: false }
const key = (text: string): KeyPress => {
  const parts = text.split('+')
  return { key: parts[parts.length - 1] || '+', ctrl: parts.includes('Ctrl'), shift: parts.includes('Shift'), alt: parts.includes('Alt') }
}

describe('keys', () => {
  it.each([
    ['Ctrl+z', 'undo'], ['Ctrl+Shift+Z', 'redo'], ['Ctrl+y', 'redo'], ['Ctrl+Enter', 'finish'], ['Ctrl+s', 'saved'],
    ['Enter', 'finish'], [' ', 'space'], ['Escape', 'reset'], ['Delete', 'remove'], ['Backspace', 'remove'],
    ['1', 'class-1'], ['9', 'class-9'], ['0', 'fit'], ['Shift+0', 'full-size'],
    ['a', 'previous-image'], ['d', 'next-image'], ['PageUp', 'previous-image'], ['PageDown', 'next-image'],
    ['h', 'peek'], ['Shift+H', 'toggle-masks'], ['?', 'help'], ['Shift+?', 'help'],
    ['ArrowLeft', 'left'], ['Shift+ArrowDown', 'down-10'],
  ])('%s means %s', (text, command) => {
    expect(commandOf(key(text), canvas)).toBe(command)
  })

  it.each(['Ctrl+w', 'Ctrl+t', 'Ctrl+n', 'Ctrl+r', 'Alt+a', 'Ctrl+0', 'Ctrl+1', 'F5', 'Tab', 'q'])('%s is left to the browser', (text) => {
    expect(commandOf(key(text), canvas)).toBeNull()
  })

  it('Enter clicks where the crosshair is', () => {
    expect(commandOf(key('Enter'), { onCanvas: true, crosshair: true })).toBe('positive-here')
    expect(commandOf(key('Shift+Enter'), { onCanvas: true, crosshair: true })).toBe('negative-here')
    expect(commandOf(key('Ctrl+Enter'), { onCanvas: true, crosshair: true })).toBe('finish')
  })

  it.each(['Enter', ' ', 'ArrowDown'])('a focused button keeps %s', (text) => {
    expect(commandOf(key(text), { onCanvas: false, crosshair: false })).toBeNull()
  })
})
