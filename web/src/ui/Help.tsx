import type { JSX } from 'preact'
import { t } from '../state/strings'
import { Dialog } from './Dialog'

type Line = readonly [keys: readonly string[], text: string]

const GROUPS: readonly (readonly [title: string, lines: readonly Line[]])[] = [
  ['help.clicks', [
    [['key.left'], 'help.click'],
    [['key.right', 'Shift + key.left'], 'help.negative'],
    [['key.drag'], 'help.box'],
    [['key.click'], 'help.remove'],
    [['Ctrl Z'], 'help.undo'],
    [['Ctrl Shift Z', 'Ctrl Y'], 'help.redo'],
    [['Enter', 'key.space'], 'help.finish'],
    [['Esc'], 'help.discard'],
  ]],
  ['help.objects', [
    [['1 … 9'], 'help.class'],
    [['V'], 'help.select'],
    [['R'], 'help.reopen'],
    [['Del'], 'help.delete'],
  ]],
  ['help.look', [
    [['key.wheel', '+ −'], 'help.zoom'],
    [['key.middle', 'key.rightDrag', 'key.space + key.drag'], 'help.pan'],
    [['0', 'Shift 0'], 'help.fit'],
    [['H'], 'help.peek'],
    [['Shift H'], 'help.hide'],
    [['F2'], 'help.panel'],
  ]],
  ['help.images', [[['A', 'D', 'PgUp', 'PgDn'], 'help.previous']]],
  ['help.keyboard', [
    [['← ↑ → ↓', 'Shift ← ↑ → ↓'], 'help.arrows'],
    [['Enter', 'Shift Enter'], 'help.enter'],
    [['Ctrl Enter'], 'help.ctrlEnter'],
  ]],
]

export function Help(): JSX.Element {
  return (
    <Dialog title={t('help.title')} wide>
      <div class="keys">
        {GROUPS.map(([title, lines]) => (
          <section key={title}>
            <h3>{t(title)}</h3>
            <dl>
              {lines.map(([keys, text]) => (
                <div key={text}>
                  <dt>{keys.map((key) => <kbd key={key}>{key.replace(/key\.\w+/g, (name) => t(name))}</kbd>)}</dt>
                  <dd>{t(text)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
