import type { Signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { objectName } from '../state/describe'
import { amount } from '../state/media'
import { colourOf } from '../state/styles'
import { objectPasses } from '../state/review'
import { FILTERS, type Filter } from '../state/store'
import { t } from '../state/strings'
import { POLICIES, type ObjectInfo, type Policy, type Review } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'
import { PersonTag } from './People'
import { useWindow } from './window'

/** As in panels.css. */
const ROW_HEIGHT = 34

/** The objects of the image, newest first; only those in sight exist, so there may be many. */
export function Objects(): JSX.Element {
  const { store } = useApp()
  const all = store.document.value.objects
  const filter = store.objectFilter.value
  const objects = all.filter((o) => objectPasses(o, filter)).reverse()
  const list = useRef<HTMLDivElement>(null)
  const shown = useWindow(list, objects.length, ROW_HEIGHT)
  return (
    <section class="panel grow" aria-labelledby="objects-title">
      <div class="panel-head">
        <h2 id="objects-title">{t('objects.title')}</h2>
        {objects.length > 0 && <span class="count">{t('objects.count', { count: objects.length })}</span>}
        {all.length > 0 && <FilterChoice value={store.objectFilter} options={OBJECT_FILTERS} label={t('review.filterObjects')} />}
      </div>
      {objects.length === 0 && all.length > 0 ? <p class="empty">{t('review.noneLikeThat')}</p> : objects.length === 0
        ? <p class="empty"><b>{t('objects.none')}</b><br />{t('objects.noneHelp')}</p>
        : <div class="rows scroll" ref={list} onScroll={shown.look}>
            <ul aria-labelledby="objects-title" onKeyDown={walkRows} style={{ height: `${objects.length * ROW_HEIGHT}px`, paddingTop: `${shown.from * ROW_HEIGHT}px` }}>
              {objects.slice(shown.from, shown.to).map((object, i) => (
                <ObjectRow key={object.id} object={object} place={shown.from + i} of={objects.length} />
              ))}
            </ul>
          </div>}
      <ImageJudgement />
      <PolicyChoice />
    </section>
  )
}

const OBJECT_FILTERS: readonly Filter[] = FILTERS.filter((one) => one !== 'todo')

/** Which of them the list shows. */
export function FilterChoice({ value, options, label }: { value: Signal<Filter>; options: readonly Filter[]; label: string }): JSX.Element {
  return (
    <select class={`filter ${value.value === 'all' ? '' : 'on'}`} aria-label={label} title={label} value={value.value}
      onChange={(e) => (value.value = e.currentTarget.value as Filter)}>
      {options.map((one) => <option key={one} value={one}>{t(`filter.${one}`)}</option>)}
    </select>
  )
}

/** What somebody thinks of the image as it is. */
function ImageJudgement(): JSX.Element | null {
  const { store, annotator, attempt } = useApp()
  const image = store.currentImage.value
  if (!image || image.finished === 0) return null
  const judge = (review: Review): void => void attempt(() => annotator.reviewer.judgeImage(review))
  const state = image.review === null ? t('review.image') : image.reviewer ? t(`review.${image.review}By`, { person: image.reviewer }) : t(`filter.${image.review}`)
  return (
    <div class="image-review" role="group" aria-label={t('review.image')}>
      <span class="muted">{state}</span>
      <button class="icon-button small good" aria-pressed={image.review === 'accepted'} aria-label={t('command.accept-image')} title={t('command.accept-image')} onClick={() => judge('accepted')}>
        <Icon name="check" size={16} />
      </button>
      <button class="icon-button small bad" aria-pressed={image.review === 'rejected'} aria-label={t('command.reject-image')} title={t('command.reject-image')} onClick={() => judge('rejected')}>
        <Icon name="close" size={16} />
      </button>
    </div>
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
        <Others object={object.id} />
        {object.review && <span class={`verdict ${object.review}`} title={object.note || verdict(object)}><Icon name={object.review === 'accepted' ? 'check' : 'close'} size={14} /><span class="unseen">{verdict(object)}</span></span>}
        <span class="muted row-fact">
          {object.ignored ? t('objects.ignored') : object.state === 'in_progress' ? t('objects.inProgress') : amount(store.kind.value, object.area)}
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

function verdict(object: ObjectInfo): string {
  return object.reviewer ? t(`review.${object.review}By`, { person: object.reviewer }) : t(`filter.${object.review}`)
}

/** Who else works on an object. */
function Others({ object }: { object: number }): JSX.Element {
  const { store } = useApp()
  const others = store.people.value.filter((p) => p.active === object && p.client !== store.client.value)
  return <>{others.map((p) => <PersonTag key={p.client} person={p} title={t('people.atWork', { person: p.name || t('people.somebody') })} />)}</>
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
