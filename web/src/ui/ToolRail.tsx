import { Fragment, type JSX } from 'preact'
import type { Command } from '../state/commands'
import { isOffered } from '../state/media'
import { said, t } from '../state/strings'
import { useApp } from './app'
import { Icon, type IconName } from './icons'
import { withKey } from './keys'

const TOOLS = [['click', 'box', 'scribble', 'lasso'], ['brush', 'eraser', 'polygon', 'wand'], ['select']] as const

export function ToolRail(): JSX.Element {
  const { store } = useApp()
  const { history } = store.document.value
  const [undo, redo] = [history.undo && said(history.undo, history.words?.undo), history.redo && said(history.redo, history.words?.redo)]
  const tool = store.tool.value
  const tools = TOOLS.map((group) => group.filter((name) => isOffered(`tool-${name}`, store.kind.value, store.project.value?.kinds)))
  return (
    <section class="rail" aria-label={t('tools')}>
      <div class="tools" role="toolbar" aria-label={t('tools')} aria-orientation="vertical">
        {tools.filter((group) => group.length > 0).map((group) => (
          <Fragment key={group[0]}>
            {group.map((name) => <Tool key={name} icon={name} command={`tool-${name}`} pressed={tool === name} kind="choice" />)}
            <span class="rule" />
          </Fragment>
        ))}
        <Tool icon="undo" command="undo" disabled={!undo} detail={undo} />
        <Tool icon="redo" command="redo" disabled={!redo} detail={redo} />
        <span class="rule" />
        <Tool icon="fit" command="fit" />
        <Tool icon={store.masksShown.value ? 'eye' : 'eyeOff'} command="toggle-masks"
          pressed={store.masksShown.value} kind="watch" />
        {isOffered('uncertainty', store.kind.value, store.project.value?.kinds) && (
          <Tool icon="unsure" command="uncertainty" pressed={store.doubting.value} kind="choice" disabled={!store.active.value && !store.doubting.value} />
        )}
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
