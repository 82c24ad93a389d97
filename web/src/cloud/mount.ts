/** Puts the canvases of clouds under the hand of the renderer and the pointer. */

import type { Annotator } from '../state/annotator'
import type { Ports } from '../state/ports'
import type { Store } from '../state/store'
import { CloudPointer } from './pointer'
import { CloudStage } from './stage'
import type { CloudState } from './state'
import { CloudViewer } from './viewer'

export interface MountedCloud {
  readonly stage: CloudStage
  readonly viewer: CloudViewer
  readonly pointer: CloudPointer
}

export function mountCloud(
  store: Store, cloud: CloudState, annotator: Annotator, ports: Ports, base: HTMLCanvasElement, overlay: HTMLCanvasElement,
): MountedCloud {
  const stage = new CloudStage(store, cloud, base, overlay, ports.session)
  const viewer = new CloudViewer(store, cloud, stage, annotator)
  return { stage, viewer, pointer: new CloudPointer(store, viewer, overlay) }
}
