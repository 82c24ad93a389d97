/** Keys, turned into commands. Fields and open dialogs keep their own keys. */

import { COMMANDS, isHeld, type Command, type HeldCommand } from '../state/commands'
import { commandOf, type KeyContext } from '../state/keymap'
import { chordOf, type KeyPress } from '../state/keys'
import type { Annotator } from '../state/annotator'
import type { Store } from '../state/store'
import type { Actions, PlainCommand } from './actions'
import { isOffered } from '../state/media'
import type { Viewer } from './viewer'

const TAP_MS = 200

/** What Space, held, says to a pointer. */
export interface SpaceHolder {
  spaceHeld: boolean
  spaceUsed: boolean
}

export class KeyboardTool {
  /** The key (by its place) that holds each command; its release ends it. */
  private readonly holding = new Map<string, HeldCommand>()
  private spaceSince = 0

  constructor(
    private readonly store: Store, private readonly annotator: Annotator, private readonly actions: Actions,
    /** The pointer and the viewer of the open medium. */
    private readonly hands: () => { readonly pointer: SpaceHolder; readonly viewer: Viewer },
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
    const { kind, project, singleKeys } = this.store
    return {
      onCanvas: event.target === document.body || (event.target instanceof HTMLElement && event.target.matches('canvas.surface')),
      crosshair: this.hands().viewer.crosshairOn,
      proposed: this.store.proposed.value,
      singleKeys: singleKeys.value,
      offered: (command) => isOffered(command, kind.value, project.value?.kinds),
    }
  }

  private hold(command: HeldCommand, code: string): void {
    this.holding.set(code, command)
    this.show(command, true)
    if (command !== 'hold-pan') return
    const { pointer } = this.hands()
    pointer.spaceHeld = true
    pointer.spaceUsed = false
    this.spaceSince = performance.now()
  }

  private up(event: KeyboardEvent): void {
    const command = this.holding.get(event.code)
    this.holding.delete(event.code)
    if (command) this.show(command, false)
    if (command !== 'hold-pan') return
    const { pointer } = this.hands()
    pointer.spaceHeld = false
    if (!pointer.spaceUsed && performance.now() - this.spaceSince < TAP_MS) this.annotator.finish()
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
    this.hands().pointer.spaceHeld = false
  }
}

export function pressOf(event: KeyboardEvent): KeyPress {
  return { key: event.key, code: event.code, ctrl: event.ctrlKey || event.metaKey, shift: event.shiftKey, alt: event.altKey }
}

function isField(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== 'range' && target.type !== 'color'
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}
