import type { JSX } from 'preact'
import type { Command } from '../state/keys'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon, type IconName } from './icons'

export function ToolRail(): JSX.Element {
  const { store } = useApp()
  const { undo, redo } = store.document.value.history
  const tool = store.tool.value
  return (
    <section class="rail" aria-label={t('tools')}>
      <div class="tools" role="toolbar" aria-label={t('tools')} aria-orientation="vertical">
        <Tool icon="click" label={t('tool.click')} command="tool-click" pressed={tool === 'click'} kind="choice" />
        <Tool icon="box" label={t('tool.box')} command="tool-box" pressed={tool === 'box'} kind="choice" />
        <Tool icon="select" label={t('tool.select')} command="tool-select" pressed={tool === 'select'} kind="choice" />
        <span class="rule" />
        <Tool icon="undo" command="undo" disabled={!undo} label={undo ? t('tool.undoWhat', { what: undo }) : t('tool.undo')} />
        <Tool icon="redo" command="redo" disabled={!redo} label={redo ? t('tool.redoWhat', { what: redo }) : t('tool.redo')} />
        <span class="rule" />
        <Tool icon="fit" label={t('tool.fit')} command="fit" />
        <Tool icon={store.masksShown.value ? 'eye' : 'eyeOff'} label={t('tool.masks')} command="toggle-masks"
          pressed={store.masksShown.value} kind="watch" />
      </div>
    </section>
  )
}

interface ToolProps {
  icon: IconName
  label: string
  command: Command
  pressed?: boolean
  /** `choice`: one of several tools. `watch`: a switch that is worth seeing when it is off. */
  kind?: 'choice' | 'watch'
  disabled?: boolean
}

function Tool({ icon, label, command, pressed, disabled, kind }: ToolProps): JSX.Element {
  const { run } = useApp()
  return (
    <button class={`icon-button tool ${kind ?? ''}`} aria-label={label} title={label} aria-pressed={pressed} disabled={disabled}
      onClick={() => run(command)}>
      <Icon name={icon} />
    </button>
  )
}
