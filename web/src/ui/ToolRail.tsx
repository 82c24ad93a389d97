import type { JSX } from 'preact'
import type { Command } from '../state/commands'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon, type IconName } from './icons'
import { withKey } from './keys'

export function ToolRail(): JSX.Element {
  const { store } = useApp()
  const { undo, redo } = store.document.value.history
  const tool = store.tool.value
  return (
    <section class="rail" aria-label={t('tools')}>
      <div class="tools" role="toolbar" aria-label={t('tools')} aria-orientation="vertical">
        <Tool icon="click" command="tool-click" pressed={tool === 'click'} kind="choice" />
        <Tool icon="box" command="tool-box" pressed={tool === 'box'} kind="choice" />
        <Tool icon="scribble" command="tool-scribble" pressed={tool === 'scribble'} kind="choice" />
        <Tool icon="lasso" command="tool-lasso" pressed={tool === 'lasso'} kind="choice" />
        <span class="rule" />
        <Tool icon="brush" command="tool-brush" pressed={tool === 'brush'} kind="choice" />
        <Tool icon="eraser" command="tool-eraser" pressed={tool === 'eraser'} kind="choice" />
        <Tool icon="polygon" command="tool-polygon" pressed={tool === 'polygon'} kind="choice" />
        <Tool icon="wand" command="tool-wand" pressed={tool === 'wand'} kind="choice" />
        <span class="rule" />
        <Tool icon="select" command="tool-select" pressed={tool === 'select'} kind="choice" />
        <span class="rule" />
        <Tool icon="undo" command="undo" disabled={!undo} detail={undo} />
        <Tool icon="redo" command="redo" disabled={!redo} detail={redo} />
        <span class="rule" />
        <Tool icon="fit" command="fit" />
        <Tool icon={store.masksShown.value ? 'eye' : 'eyeOff'} command="toggle-masks"
          pressed={store.masksShown.value} kind="watch" />
        <Tool icon="unsure" command="uncertainty" pressed={store.doubting.value} kind="choice" disabled={!store.active.value && !store.doubting.value} />
      </div>
    </section>
  )
}

interface ToolProps {
  icon: IconName
  command: Command
  /** What exactly it would do now. */
  detail?: string | null
  pressed?: boolean
  /** `choice`: one of several tools. `watch`: a switch that is worth seeing when it is off. */
  kind?: 'choice' | 'watch'
  disabled?: boolean
}

function Tool({ icon, command, detail, pressed, disabled, kind }: ToolProps): JSX.Element {
  const { store, run } = useApp()
  const name = t(`command.${command}`)
  const label = withKey(store, detail ? t('tool.what', { name, what: detail }) : name, command)
  return (
    <button class={`icon-button tool ${kind ?? ''}`} aria-label={label} title={label} aria-pressed={pressed} disabled={disabled}
      onClick={() => run(command)}>
      <Icon name={icon} />
    </button>
  )
}
