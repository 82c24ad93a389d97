import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { objectName } from '../state/describe'
import { amount } from '../state/media'
import { colourOf } from '../state/styles'
import { t } from '../state/strings'
import { POLICIES, type ObjectInfo, type Policy } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'
import { useWindow } from './window'

/** As in panels.css. */
const ROW_HEIGHT = 34

/** The objects of the image, newest first; only those in sight exist, so there may be many. */
export function Objects(): JSX.Element {
  const { store } = useApp()
  const objects = [...store.document.value.objects].reverse()
  const list = useRef<HTMLDivElement>(null)
  const shown = useWindow(list, objects.length, ROW_HEIGHT)
  return (
    <section class="panel grow" aria-labelledby="objects-title">
      <div class="panel-head">
        <h2 id="objects-title">{t('objects.title')}</h2>
        {objects.length > 0 && <span class="count">{t('objects.count', { count: objects.length })}</span>}
      </div>
      {objects.length === 0
        ? <p class="empty"><b>{t('objects.none')}</b><br />{t('objects.noneHelp')}</p>
        : <div class="rows scroll" ref={list} onScroll={shown.look}>
            <ul aria-labelledby="objects-title" onKeyDown={walkRows} style={{ height: `${objects.length * ROW_HEIGHT}px`, paddingTop: `${shown.from * ROW_HEIGHT}px` }}>
              {objects.slice(shown.from, shown.to).map((object, i) => (
                <ObjectRow key={object.id} object={object} place={shown.from + i} of={objects.length} />
              ))}
            </ul>
          </div>}
      <PolicyChoice />
    </section>
  )
}

/** Who gets a pixel that a new object and a finished one both want. */
function PolicyChoice(): JSX.Element | null {
  const { store, rest, attempt } = useApp()
  const project = store.project.value
  if (!project) return null
  const choose = async (policy: Policy): Promise<void> => {
    const answer = await attempt(() => rest.setPolicy(policy))
    if (answer) store.project.value = { ...project, policy: answer.policy }
  }
  return (
    <label class="policy">
      <span class="muted">{t('policy.label')}</span>
      <select class="field" value={project.policy} title={t(`policy.${project.policy}Help`)}
        onChange={(e) => void choose(e.currentTarget.value as Policy)}>
        {POLICIES.map((policy) => <option key={policy} value={policy}>{t(`policy.${policy}`)}</option>)}
      </select>
    </label>
  )
}

function ObjectRow({ object, place, of }: { object: ObjectInfo; place: number; of: number }): JSX.Element {
  const { store, annotator } = useApp()
  const name = objectName(object, store.classes.value)
  const active = store.document.value.active === object.id
  const selected = store.selected.value === object.id
  const lock = t(object.locked ? 'objects.unlock' : 'objects.lock', { name })
  const visibility = t(object.hidden ? 'objects.show' : 'objects.hide', { name })
  return (
    <li class={`row object-row ${selected ? 'chosen' : ''} ${active ? 'working' : ''} ${object.hidden ? 'faded' : ''}`}
      data-object={object.id} aria-posinset={place + 1} aria-setsize={of}>
      <input type="color" class="swatch" value={colourOf(object, store.classes.value)} aria-label={t('objects.colour', { name })}
        title={t('objects.colour', { name })} onChange={(e) => annotator.patch(object.id, { colour: e.currentTarget.value })} />
      <button class="row-main" aria-pressed={selected}
        onClick={() => annotator.select(selected ? null : object.id)} onDblClick={() => annotator.reopen(object.id)}>
        <span class="row-name">{name}</span>
        <span class="muted row-fact">
          {object.state === 'in_progress' ? t('objects.inProgress') : amount(store.kind.value, object.area)}
        </span>
      </button>
      {object.state === 'finished' && (
        <button class={`icon-button small ${object.locked ? '' : 'on-hover'}`} aria-label={lock} title={lock} aria-pressed={object.locked}
          onClick={() => annotator.patch(object.id, { locked: !object.locked })}>
          <Icon name={object.locked ? 'lock' : 'lockOpen'} size={16} />
        </button>
      )}
      {!active && !object.locked && (
        <button class="icon-button small on-hover" aria-label={t('objects.reopen', { name })} title={t('objects.reopen', { name })}
          onClick={() => annotator.reopen(object.id)}>
          <Icon name="edit" size={16} />
        </button>
      )}
      <button class="icon-button small on-hover" aria-label={t('objects.delete', { name })} title={t('objects.delete', { name })}
        onClick={() => annotator.remove(object.id)}>
        <Icon name="trash" size={16} />
      </button>
      <button class={`icon-button small ${object.hidden ? '' : 'on-hover'}`} aria-label={visibility} title={visibility}
        onClick={() => annotator.patch(object.id, { hidden: !object.hidden })}>
        <Icon name={object.hidden ? 'eyeOff' : 'eye'} size={16} />
      </button>
    </li>
  )
}

/** Up and down walk through the rows. */
function walkRows(event: KeyboardEvent): void {
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (!by) return
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.row-main')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  if (at < 0) return
  rows[at + by]?.focus()
  event.preventDefault()
}
