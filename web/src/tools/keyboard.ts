/** Keys, turned into commands. Fields and open dialogs keep their own keys. */

import { COMMANDS, isHeld, type Command, type HeldCommand } from '../state/commands'
import { commandOf, type KeyContext } from '../state/keymap'
import { chordOf, type KeyPress } from '../state/keys'
import type { Annotator } from '../state/annotator'
import type { Store } from '../state/store'
import type { Actions, PlainCommand } from './actions'
import type { PointerTool } from './pointer'

const TAP_MS = 200

export class KeyboardTool {
  /** The key (by its place) that holds each command; its release ends it. */
  private readonly holding = new Map<string, HeldCommand>()
  private spaceSince = 0

  constructor(
    private readonly store: Store, private readonly annotator: Annotator, private readonly actions: Actions,
    private readonly pointer: PointerTool, private readonly surface: HTMLElement,
  ) {
    window.addEventListener('keydown', (e) => this.down(e))
    window.addEventListener('keyup', (e) => this.up(e))
    window.addEventListener('blur', () => this.letGo())
  }

  run(command: Command): void {
    if (!isHeld(command)) this.actions[command satisfies PlainCommand]()
  }

  private down(event: KeyboardEvent): void {
    if (this.store.panel.value !== null || isField(event.target)) return
    const chord = chordOf(pressOf(event))
    const command = chord === null ? null : commandOf(chord, this.store.keyMap.value, this.context(event))
    if (command === null) return
    event.preventDefault()
    if (event.repeat && !COMMANDS[command].repeats) return
    if (isHeld(command)) this.hold(command, event.code)
    else this.run(command)
  }

  private context(event: KeyboardEvent): KeyContext {
    return {
      onCanvas: event.target === this.surface || event.target === document.body,
      crosshair: this.store.crosshair.value !== null,
      proposed: this.store.proposed.value,
      singleKeys: this.store.singleKeys.value,
    }
  }

  private hold(command: HeldCommand, code: string): void {
    this.holding.set(code, command)
    this.show(command, true)
    if (command !== 'hold-pan') return
    this.pointer.spaceHeld = true
    this.pointer.spaceUsed = false
    this.spaceSince = performance.now()
  }

  private up(event: KeyboardEvent): void {
    const command = this.holding.get(event.code)
    this.holding.delete(event.code)
    if (command) this.show(command, false)
    if (command !== 'hold-pan') return
    this.pointer.spaceHeld = false
    if (!this.pointer.spaceUsed && performance.now() - this.spaceSince < TAP_MS) this.annotator.finish()
  }

  /** What is shown while a key is held. */
  private show(command: HeldCommand, on: boolean): void {
    const { peeking, matte, loupe } = this.store
    const shown = { 'peek': peeking, 'matte': matte, 'loupe': loupe, 'hold-pan': null }[command]
    if (shown) shown.value = on
  }

  private letGo(): void {
    for (const command of this.holding.values()) this.show(command, false)
    this.holding.clear()
    this.pointer.spaceHeld = false
  }
}

export function pressOf(event: KeyboardEvent): KeyPress {
  return { key: event.key, code: event.code, ctrl: event.ctrlKey || event.metaKey, shift: event.shiftKey, alt: event.altKey }
}

function isField(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== 'range' && target.type !== 'color'
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}
