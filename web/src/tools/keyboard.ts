/** Keys, turned into commands. Fields and open dialogs keep their own keys. */

import type { Annotator } from '../state/annotator'
import { commandOf, type Command, type KeyPress } from '../state/keys'
import { announce } from '../state/notices'
import type { Store } from '../state/store'
import { t } from '../state/strings'
import { clampToImage, centred, fitView, keepVisible, reveal, toImage, zoomAt, type Point } from '../state/view'
import type { PointerTool } from './pointer'

const TAP_MS = 200
const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1],
}

export class KeyboardTool {
  private spaceSince = 0

  constructor(
    private readonly store: Store, private readonly annotator: Annotator,
    private readonly pointer: PointerTool, private readonly surface: HTMLElement,
  ) {
    window.addEventListener('keydown', (e) => this.down(e))
    window.addEventListener('keyup', (e) => this.up(e))
    window.addEventListener('blur', () => this.letGo())
  }

  private down(event: KeyboardEvent): void {
    if (this.store.panel.value !== null || isField(event.target)) return
    const onCanvas = event.target === this.surface || event.target === document.body
    const command = commandOf(pressOf(event), { onCanvas, crosshair: this.store.crosshair.value !== null })
    if (command === null) return
    event.preventDefault()
    if (event.repeat && !isRepeatable(command)) return
    this.run(command)
  }

  private up(event: KeyboardEvent): void {
    if (event.key === 'h' || event.key === 'H') this.store.peeking.value = false
    if (event.key !== ' ' || !this.pointer.spaceHeld) return
    this.pointer.spaceHeld = false
    if (!this.pointer.spaceUsed && performance.now() - this.spaceSince < TAP_MS) this.annotator.finish()
  }

  private letGo(): void {
    this.store.peeking.value = false
    this.pointer.spaceHeld = false
  }

  run(command: Command): void {
    const { store, annotator } = this
    if (command.startsWith('class-')) return annotator.chooseClassByKey(Number(command.slice(6)))
    const [direction, far] = command.split('-')
    if (direction && direction in DIRECTIONS) return this.moveCrosshair(direction, far === '10' ? 10 : 1)
    switch (command) {
      case 'undo': return annotator.undo()
      case 'redo': return annotator.redo()
      case 'finish': return annotator.finish()
      case 'reset': return this.reset()
      case 'remove': return annotator.removeChosen()
      case 'reopen': return this.reopen()
      case 'next-image': return annotator.step(1)
      case 'previous-image': return annotator.step(-1)
      case 'fit': return this.fit()
      case 'full-size': return this.fullSize()
      case 'zoom-in': return this.zoom(1.25)
      case 'zoom-out': return this.zoom(0.8)
      case 'toggle-masks': store.masksShown.value = !store.masksShown.value; return
      case 'peek': store.peeking.value = true; return
      case 'space': return this.holdSpace()
      case 'tool-click': store.tool.value = 'click'; return
      case 'tool-box': store.tool.value = 'box'; return
      case 'tool-select': store.tool.value = 'select'; return
      case 'positive-here': return this.clickCrosshair(true)
      case 'negative-here': return this.clickCrosshair(false)
      case 'help': store.panel.value = 'help'; return
      case 'saved': return announce(store, t('say.saved'))
      case 'toggle-panel': store.sideShown.value = !store.sideShown.value; return
    }
  }

  fit(): void {
    const size = this.store.imageSize.value
    if (size) this.store.view.value = fitView(size, this.store.canvas.value)
  }

  private fullSize(): void {
    const size = this.store.imageSize.value
    if (size) this.store.view.value = centred(size, this.store.canvas.value, 1 / (window.devicePixelRatio || 1))
  }

  private zoom(factor: number): void {
    const { store } = this
    const canvas = store.canvas.value
    const middle = { x: canvas.width / 2, y: canvas.height / 2 }
    const size = store.imageSize.value
    const view = zoomAt(store.view.value, middle, factor)
    store.view.value = size ? keepVisible(view, size, canvas) : view
  }

  private reset(): void {
    if (this.store.crosshair.value && !this.store.active.value) this.store.crosshair.value = null
    this.annotator.startOver()
  }

  private reopen(): void {
    const selected = this.store.selectedObject.value
    if (selected) this.annotator.reopen(selected.id)
  }

  private holdSpace(): void {
    this.pointer.spaceHeld = true
    this.pointer.spaceUsed = false
    this.spaceSince = performance.now()
  }

  /** One step is a screen pixel or an image pixel, whichever is larger, so that every step can be seen and means something. */
  private moveCrosshair(direction: string, steps: number): void {
    const { store } = this
    const size = store.imageSize.value
    if (!size) return
    const from = store.crosshair.value
    const [dx, dy] = DIRECTIONS[direction] as readonly [number, number]
    const step = steps * Math.max(1, 1 / store.view.value.scale)
    const to = from ? { x: from.x + dx * step, y: from.y + dy * step } : this.start()
    // Pixel centres: the last pixel is as reachable as the first.
    const inside = clampToImage(to, { width: size.width - 0.5, height: size.height - 0.5 })
    const point = { x: Math.max(0.5, Math.floor(inside.x) + 0.5), y: Math.max(0.5, Math.floor(inside.y) + 0.5) }
    store.crosshair.value = point
    store.pointer.value = point
    store.view.value = reveal(store.view.value, point, store.canvas.value)
  }

  private start(): Point {
    const { store } = this
    const canvas = store.canvas.value
    return store.pointer.value ?? toImage(store.view.value, { x: canvas.width / 2, y: canvas.height / 2 })
  }

  private clickCrosshair(positive: boolean): void {
    if (this.store.crosshair.value) this.annotator.click(this.store.crosshair.value, positive)
  }
}

function pressOf(event: KeyboardEvent): KeyPress {
  // Digits by their place, so that Shift+0 is the same key everywhere.
  const digit = /^Digit(\d)$/.exec(event.code)?.[1]
  return { key: digit ?? event.key, ctrl: event.ctrlKey || event.metaKey, shift: event.shiftKey, alt: event.altKey }
}

function isField(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return target.type !== 'range' && target.type !== 'color'
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}

function isRepeatable(command: Command): boolean {
  return /^(left|right|up|down|undo|redo|zoom)/.test(command)
}
