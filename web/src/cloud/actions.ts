/** What the commands do that are about clouds alone. */

import type { CloudCommand } from '../state/commands'
import { announce } from '../state/notices'
import type { Store } from '../state/store'
import { t } from '../state/strings'
import type { CloudState } from './state'
import type { CloudViewer } from './viewer'

/** Screen pixels that a key turns and moves by. */
const TURN = 30
const SHIFT = 60
const LARGER = 1.2

export function cloudActions(store: Store, cloud: CloudState, viewer: () => CloudViewer | null, takeLabels: () => void): Readonly<Record<CloudCommand, () => void>> {
  const look = (work: (viewer: CloudViewer) => void) => (): void => {
    const shown = viewer()
    if (shown) work(shown)
  }
  const toggle = (name: 'lighting' | 'dimming') => (): void => {
    cloud[name].value = !cloud[name].value
    announce(store, t(`say.${name}.${cloud[name].value ? 'on' : 'off'}`))
  }
  return {
    'orbit-left': look((v) => v.turn(TURN, 0)),
    'orbit-right': look((v) => v.turn(-TURN, 0)),
    'orbit-up': look((v) => v.turn(0, TURN)),
    'orbit-down': look((v) => v.turn(0, -TURN)),
    'pan-left': look((v) => v.shift(SHIFT, 0)),
    'pan-right': look((v) => v.shift(-SHIFT, 0)),
    'pan-up': look((v) => v.shift(0, SHIFT)),
    'pan-down': look((v) => v.shift(0, -SHIFT)),
    'crosshair': look((v) => v.toggleCrosshair()),
    'look-closer': look((v) => v.closer()),
    'view-top': look((v) => v.look('top')),
    'view-front': look((v) => v.look('front')),
    'view-side': look((v) => v.look('side')),
    'next-colouring': look((v) => v.nextColouring()),
    'points-smaller': look((v) => v.resizePoints(1 / LARGER)),
    'points-larger': look((v) => v.resizePoints(LARGER)),
    'toggle-lighting': toggle('lighting'),
    'toggle-dimming': toggle('dimming'),
    'clip': look((v) => v.toggleClip()),
    'clip-object': look((v) => v.clipToObject()),
    'labels': takeLabels,
  }
}
