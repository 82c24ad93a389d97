/** What every part of the page may use. */

import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { CloudState } from '../cloud/state'
import type { Annotator } from '../state/annotator'
import type { Command } from '../state/commands'
import type { Rest } from '../state/ports'
import type { Store } from '../state/store'

export interface AppParts {
  readonly store: Store
  readonly annotator: Annotator
  readonly cloud: CloudState
  readonly rest: Rest
  /** Runs a command as if its key had been pressed. */
  run(command: Command): void
  /** Puts canvases under the hand of the renderer and the tools; gives back how to take them away. */
  mountStage(base: HTMLCanvasElement, overlay: HTMLCanvasElement): () => void
  /** The same for point clouds. */
  mountCloud(base: HTMLCanvasElement, overlay: HTMLCanvasElement): () => void
  /** Asks the server for the project again after a failure. */
  retry(): void
  /** Runs something that may be refused and shows the refusal in the server's words. */
  attempt<T>(work: () => Promise<T>): Promise<T | undefined>
}

/** Gives the keys back to what the person works on. */
export function focusCanvas(): void {
  const canvases = [...document.querySelectorAll<HTMLElement>('canvas.surface')]
  canvases.find((canvas) => canvas.offsetParent !== null)?.focus({ preventScroll: true })
}

export const AppContext = createContext<AppParts | null>(null)

export function useApp(): AppParts {
  const app = useContext(AppContext)
  if (!app) throw new Error('useApp is called outside of the page.')
  return app
}
