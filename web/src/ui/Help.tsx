import type { JSX } from 'preact'
import { COMMAND_IDS, COMMANDS, GROUPS, type Command, type Group } from '../state/commands'
import type { KeyMap } from '../state/keymap'
import { isOffered } from '../state/media'
import { t } from '../state/strings'
import { useApp } from './app'
import { Dialog } from './Dialog'
import { showChord } from './keys'

interface Line {
  readonly keys: readonly string[]
  readonly text: string
}

/** Commands that are told in one line. */
const FAMILIES: readonly { readonly text: string; readonly ids: readonly Command[]; readonly range?: true }[] = [
  { text: 'help.classes', range: true, ids: COMMAND_IDS.filter((id) => id.startsWith('class-')) },
  { text: 'help.arrows', ids: ['left', 'up', 'right', 'down'] },
  { text: 'help.farArrows', ids: ['left-10', 'up-10', 'right-10', 'down-10'] },
  { text: 'help.orbit', ids: ['orbit-left', 'orbit-up', 'orbit-right', 'orbit-down'] },
  { text: 'help.panKeys', ids: ['pan-left', 'pan-up', 'pan-right', 'pan-down'] },
]

/** What the keys and the mouse do, as they are set now. */
export function Help(): JSX.Element {
  const { store } = useApp()
  const map = store.keyMap.value
  const zoom = store.wheel.value === 'zoom' ? 'key.wheel' : 'key.ctrlWheel'
  const kind = store.kind.value
  const mouse: readonly (readonly [readonly string[], string])[] = [
    [['key.left'], 'help.click'], [['key.right', 'key.shiftLeft'], 'help.negative'], [['key.drag'], `help.drag.${kind}`],
    [['key.left'], 'help.remove'], [[zoom], `help.zoom.${kind}`], [['key.middle', 'key.rightDrag'], `help.pan.${kind}`],
    [['key.touch'], `help.touch.${kind}`],
  ]
  const offered = COMMAND_IDS.filter((id) => isOffered(id, kind, store.project.value?.kinds))
  return (
    <Dialog title={t('help.title')} wide>
      {!store.singleKeys.value && <p class="muted note">{t('help.singleOff')}</p>}
      <div class="keys">
        <Section title={t('help.mouse')} lines={mouse.map(([keys, text]) => ({ keys: keys.map((k) => t(k)), text: t(text) }))} />
        {GROUPS.map((group) => <Section key={group} title={t(`group.${group}`)} lines={linesOf(group, map, offered)} />)}
      </div>
      <div class="form-end">
        <button class="button" onClick={() => (store.panel.value = 'settings')}>{t('help.change')}</button>
      </div>
    </Dialog>
  )
}

function Section({ title, lines }: { title: string; lines: readonly Line[] }): JSX.Element | null {
  if (lines.length === 0) return null
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {lines.map(({ keys, text }) => (
          <div key={text}>
            <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function linesOf(group: Group, map: KeyMap, offered: readonly Command[]): Line[] {
  const families = FAMILIES.filter(({ ids }) => COMMANDS[ids[0] as Command].group === group && offered.includes(ids[0] as Command))
  const told = new Set(families.flatMap((f) => f.ids))
  const single = offered.filter((id) => COMMANDS[id].group === group && !told.has(id) && map[id].length > 0)
  return [
    ...families.map((family) => ({ text: t(family.text), keys: familyKeys(family.ids.flatMap((id) => map[id]), family.range) })),
    ...single.map((id) => ({ text: t(`command.${id}`), keys: map[id].map(showChord) })),
  ].filter((line) => line.keys.length > 0)
}

function familyKeys(chords: readonly string[], range?: true): string[] {
  const shown = chords.map(showChord)
  return range && shown.length > 2 ? [`${shown[0]} … ${shown[shown.length - 1]}`] : shown
}
