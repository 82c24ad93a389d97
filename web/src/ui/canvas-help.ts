/** How to work without a mouse, with the keys as they are set. */

import type { Command } from '../state/commands'
import type { Kind } from '../state/media'
import { t } from '../state/strings'
import { useApp } from './app'
import { firstKey, showChord } from './keys'

export function useCanvasHelp(kind: Kind): string {
  const { store } = useApp()
  const key = (command: Command): string => firstKey(store, command) ?? t(`command.${command}`)
  const finish = store.keyMap.value.finish.map(showChord).find((shown) => shown !== key('positive-here')) ?? key('finish')
  return t(`canvas.help.${kind}`, {
    positive: key('positive-here'), negative: key('negative-here'), finish, discard: key('start-over'), palette: key('palette'), crosshair: key('crosshair'),
  })
}
