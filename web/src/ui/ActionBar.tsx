import type { JSX } from 'preact'
import type { Command } from '../state/commands'
import { objectName } from '../state/describe'
import { amount } from '../state/media'
import { colourOf } from '../state/styles'
import { t } from '../state/strings'
import type { ObjectInfo } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'
import { firstKey, withKey } from './keys'
import { ShapeMenu } from './ShapeMenu'
import { CarryButtons } from './VolumeBar'

/** What can be done with the object at hand, where the eyes are. */
export function ActionBar(): JSX.Element | null {
  const { store } = useApp()
  const active = store.active.value
  const selected = store.selectedObject.value
  if (store.status.value !== 'ready') return null
  if (selected && selected.id !== active?.id) return <SelectedBar object={selected} />
  if (active) return <ActiveBar object={active} />
  return null
}

function ActiveBar({ object }: { object: ObjectInfo }): JSX.Element {
  const { store, annotator } = useApp()
  const prompts = object.prompts.length - 1 - object.prompts.findLastIndex((p) => p.kind === 'mask')
  const busy = store.busy.value
  return (
    <div class="actions" data-testid="active-bar">
      <Name object={object} />
      <span class="muted facts">
        {busy && !object.settled
          ? <><span class="spinner small" /> {t(`bar.busy.${busy}`)}</>
          : <>{prompts > 0 && <>{t(prompts === 1 ? 'bar.prompts.one' : 'bar.prompts.many', { count: prompts })} · </>}{amount(store.kind.value, object.area)}</>}
      </span>
      <Proposal object={object} />
      <Threshold object={object} />
      <CarryButtons object={object} />
      {object.area > 0 && <ShapeMenu />}
      <button class="button quiet" onClick={() => annotator.startOver()}>{t('bar.discard')} <Key command="start-over" /></button>
      <button class="button primary" onClick={() => annotator.finish()}>{t('bar.finish')} <Key command="finish" /></button>
    </div>
  )
}

/** What the model would change as well, to be taken at once. */
function Proposal({ object }: { object: ObjectInfo }): JSX.Element | null {
  const { store, annotator } = useApp()
  if (object.ghosts === 0) return null
  const key = firstKey(store, 'accept')
  return (
    <button class={`button ${object.waiting ? 'primary' : 'quiet'}`} title={t(object.waiting ? 'bar.waitingHelp' : 'bar.proposalHelp')}
      onClick={() => annotator.acceptAll()}>
      <Icon name="spark" size={16} /> {t(object.waiting ? 'bar.waiting' : 'bar.proposal', { area: amount(store.kind.value, object.ghosts) })} {key && <kbd>{key}</kbd>}
    </button>
  )
}

/** Where the model's probability begins to count; only while there is an answer of the model to look at. */
function Threshold({ object }: { object: ObjectInfo }): JSX.Element | null {
  const { store, annotator } = useApp()
  const newest = object.prompts[object.prompts.length - 1]
  if (!newest || newest.kind === 'mask') return null
  const shown = object.threshold ?? 0.5
  return (
    <label class="threshold" title={t('bar.thresholdHelp')}>
      <span class="unseen">{t('bar.threshold')}</span>
      <input type="range" min="5" max="95" value={Math.round(shown * 100)}
        onInput={(e) => store.unsaved.value < 2 && annotator.setThreshold(Number(e.currentTarget.value) / 100, false)}
        onChange={(e) => annotator.setThreshold(Number(e.currentTarget.value) / 100, true)} />
      <span class="muted">{shown.toFixed(2)}</span>
    </label>
  )
}

function SelectedBar({ object }: { object: ObjectInfo }): JSX.Element {
  const { store, annotator } = useApp()
  return (
    <div class="actions" data-testid="selected-bar">
      <Name object={object} />
      <span class="muted facts">{amount(store.kind.value, object.area)}</span>
      {object.state === 'finished' && <Judgement object={object} />}
      {!object.locked && <ShapeMenu />}
      <button class="button quiet danger" onClick={() => annotator.remove(object.id)}>
        <Icon name="trash" size={16} /> {t('bar.delete')} <Key command="remove" />
      </button>
      <button class="button primary" onClick={() => annotator.reopen(object.id)}>{t('bar.reopen')} <Key command="reopen" /></button>
    </div>
  )
}

/** Accept or reject the object as it is; a rejected one can be told why. */
function Judgement({ object }: { object: ObjectInfo }): JSX.Element {
  const { store, annotator } = useApp()
  return (
    <span class="judgement" role="group" aria-label={t('review.title')}>
      <button class="icon-button good" aria-pressed={object.review === 'accepted'} aria-label={withKey(store, t('review.accept'), 'accept-review')}
        title={withKey(store, t('review.accept'), 'accept-review')} onClick={() => annotator.reviewer.judgeObject(object, 'accepted')}><Icon name="check" /></button>
      <button class="icon-button bad" aria-pressed={object.review === 'rejected'} aria-label={withKey(store, t('review.reject'), 'reject-review')}
        title={withKey(store, t('review.reject'), 'reject-review')} onClick={() => annotator.reviewer.judgeObject(object, 'rejected')}><Icon name="close" /></button>
      {(object.review === 'rejected' || object.note) && (
        <input class="field note" value={object.note} maxLength={500} placeholder={t('review.note')} aria-label={t('review.note')}
          onChange={(e) => annotator.patch(object.id, { note: e.currentTarget.value })} />
      )}
    </span>
  )
}

function Name({ object }: { object: ObjectInfo }): JSX.Element {
  const { store } = useApp()
  return (
    <span class="name">
      <span class="swatch" style={{ backgroundColor: colourOf(object, store.classes.value) }} />
      {objectName(object, store.classes.value)}
    </span>
  )
}

function Key({ command }: { command: Command }): JSX.Element | null {
  const { store } = useApp()
  const key = firstKey(store, command)
  return key === null ? null : <kbd>{key}</kbd>
}
