/** What each command does. */

import type { Annotator } from '../state/annotator'
import type { CloudCommand, Command, HeldCommand } from '../state/commands'
import { announce } from '../state/notices'
import type { Panel, Store } from '../state/store'
import { t } from '../state/strings'
import { fullSize } from './look'
import type { Viewer } from './viewer'

/** Screen pixels from the edge within which a bar may lie over the picture. */
const CLEAR_OF_BARS = 80

export type Action = () => void
export type PlainCommand = Exclude<Command, HeldCommand>
export type Actions = Readonly<Record<PlainCommand, Action>>

/** `viewer` gives what shows the open medium. */
export function makeActions(store: Store, annotator: Annotator, viewer: () => Viewer, cloud: Readonly<Record<CloudCommand, Action>>): Actions {
  const open = (panel: Panel): Action => () => (store.panel.value = panel)
  const tool = (name: Store['tool']['value']): Action => () => (store.tool.value = name)
  const { painter, reviewer } = annotator
  return {
    'undo': () => annotator.undo(),
    'redo': () => annotator.redo(),
    'finish': () => annotator.finish(),
    'start-over': () => {
      if (viewer().crosshairOn && !store.active.value && !store.doubting.value) viewer().hideCrosshair()
      annotator.startOver()
    },
    'aim-positive': () => annotator.aim('positive'),
    'aim-negative': () => annotator.aim('negative'),
    'turn-sign': () => annotator.aim(store.sign.value === 'positive' ? 'negative' : 'positive'),

    ...classActions(annotator),
    'next-mask': () => annotator.nextMask(),
    'accept': () => annotator.acceptAll(),
    'accept-review': () => reviewer.judge('accepted'),
    'reject-review': () => reviewer.judge('rejected'),
    'next-review': () => reviewer.next(),
    'accept-image': () => void reviewer.judgeImage('accepted'),
    'reject-image': () => void reviewer.judgeImage('rejected'),
    'ignore': () => annotator.toggleIgnored(),
    'lock': () => annotator.toggleLock(),
    'reopen': () => {
      if (store.selectedObject.value) annotator.reopen(store.selectedObject.value.id)
    },
    'remove': () => annotator.removeChosen(),

    'tool-click': tool('click'),
    'tool-box': tool('box'),
    'tool-scribble': tool('scribble'),
    'tool-lasso': tool('lasso'),
    'tool-brush': tool('brush'),
    'tool-eraser': tool('eraser'),
    'tool-polygon': tool('polygon'),
    'tool-wand': tool('wand'),
    'tool-select': tool('select'),
    'tool-cut': tool('cut'),
    'brush-smaller': () => painter.resizeBrush(false),
    'brush-larger': () => painter.resizeBrush(true),

    'fill-holes': () => painter.shape('fill_holes'),
    'keep-largest': () => painter.shape('keep_largest'),
    'remove-specks': () => painter.shape('remove_specks'),
    'smooth': () => painter.shape('smooth'),
    'grow': () => painter.shape('grow'),
    'shrink': () => painter.shape('shrink'),
    'split': () => painter.split(),
    'merge': () => painter.pick('merge'),
    'subtract': () => painter.pick('subtract'),
    'intersect': () => painter.pick('intersect'),
    'exclude': () => painter.pick('exclude'),

    'uncertainty': () => annotator.doubter.next(),
    'uncertainty-back': () => annotator.doubter.previous(),
    'uncertainty-go': () => {
      const place = annotator.doubter.go()
      if (place) viewer().putCrosshair(place, CLEAR_OF_BARS)
    },
    'zoom-in': () => viewer().zoom(1.25),
    'zoom-out': () => viewer().zoom(0.8),
    'fit': () => viewer().fit(),
    'full-size': () => fullSize(store),
    'toggle-masks': () => (store.masksShown.value = !store.masksShown.value),
    'toggle-panels': () => (store.sideShown.value = !store.sideShown.value),
    'toggle-strip': () => (store.stripShown.value = !store.stripShown.value),

    ...cloud,

    'next-slice': () => annotator.goToSlice(store.slice.value + 1),
    'previous-slice': () => annotator.goToSlice(store.slice.value - 1),
    'first-slice': () => annotator.goToSlice(0),
    'last-slice': () => annotator.goToSlice(Infinity),
    'next-plane': () => annotator.nextPlane(),
    'carry-both': () => annotator.carry('both'),
    'carry-forward': () => annotator.carry('forward'),
    'carry-backward': () => annotator.carry('backward'),
    'stop-carrying': () => annotator.stopCarrying(),

    'previous-image': () => annotator.step(-1),
    'next-image': () => annotator.step(1),

    'left': () => viewer().moveCrosshair(-1, 0),
    'right': () => viewer().moveCrosshair(1, 0),
    'up': () => viewer().moveCrosshair(0, -1),
    'down': () => viewer().moveCrosshair(0, 1),
    'left-10': () => viewer().moveCrosshair(-10, 0),
    'right-10': () => viewer().moveCrosshair(10, 0),
    'up-10': () => viewer().moveCrosshair(0, -10),
    'down-10': () => viewer().moveCrosshair(0, 10),
    'positive-here': () => viewer().clickCrosshair(true),
    'negative-here': () => viewer().clickCrosshair(false),

    'palette': open('palette'),
    'help': open('help'),
    'settings': open('settings'),
    'statistics': open('statistics'),
    'compare': open('compare'),
    'teach': open('teach'),
    'export': open('export'),
    'import': open('import'),
    'saved': () => announce(store, t('say.saved')),
  }
}

type ClassCommand = Extract<Command, `class-${number}`>

function classActions(annotator: Annotator): Readonly<Record<ClassCommand, Action>> {
  const keys = [1, 2, 3, 4, 5, 6, 7, 8, 9]
  return Object.fromEntries(keys.map((key) => [`class-${key}`, () => annotator.chooseClassByKey(key)])) as Record<ClassCommand, Action>
}
