import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { defaultColour } from '../state/palette'
import { t } from '../state/strings'
import type { ClassInfo } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'

export function Classes(): JSX.Element {
  const { store } = useApp()
  return (
    <section class="panel" aria-labelledby="classes-title">
      <div class="panel-head"><h2 id="classes-title">{t('classes.title')}</h2></div>
      <ul class="rows">
        {store.classes.value.map((one) => <ClassRow key={one.id} one={one} />)}
      </ul>
      <AddClass />
    </section>
  )
}

function ClassRow({ one }: { one: ClassInfo }): JSX.Element {
  const { store, annotator, rest, attempt } = useApp()
  const editing = useSignal(false)
  const chosen = store.chosenClass.value?.id === one.id
  const patch = async (work: Promise<unknown>): Promise<void> => {
    await attempt(() => work)
    await annotator.reloadClasses()
  }
  const rename = (name: string): void => {
    editing.value = false
    if (name && name !== one.name) void patch(rest.patchClass(one.id, { name }))
  }
  return (
    <li class={`row class-row ${chosen ? 'chosen' : ''}`}>
      <input type="color" class="swatch" value={one.colour} aria-label={t('classes.colour', { name: one.name })}
        title={t('classes.colour', { name: one.name })}
        onChange={(e) => void patch(rest.patchClass(one.id, { colour: e.currentTarget.value }))} />
      {editing.value
        ? <NameField name={one.name} onDone={rename} />
        : <button class="row-main" aria-pressed={chosen} onClick={() => annotator.chooseClass(one.id)}
            onDblClick={() => (editing.value = true)}
            aria-label={one.key ? t('classes.useKey', { name: one.name, key: one.key }) : t('classes.use', { name: one.name })}>
            {one.name}
          </button>}
      <button class="icon-button small on-hover" aria-label={t('classes.rename', { name: one.name })}
        title={t('classes.rename', { name: one.name })} onClick={() => (editing.value = true)}>
        <Icon name="edit" size={16} />
      </button>
      <button class="icon-button small on-hover" aria-label={t('classes.delete', { name: one.name })}
        title={t('classes.delete', { name: one.name })} onClick={() => void patch(rest.deleteClass(one.id))}>
        <Icon name="trash" size={16} />
      </button>
      {one.key !== null && <kbd aria-hidden="true">{one.key}</kbd>}
    </li>
  )
}

function NameField({ name, onDone }: { name: string; onDone: (name: string) => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.select(), [])
  return (
    <input ref={field} class="field inline" value={name} maxLength={80} aria-label={t('classes.rename', { name })}
      onBlur={(e) => onDone(e.currentTarget.value.trim())}
      onKeyDown={(e) => {
        if (e.key === 'Enter') e.currentTarget.blur()
        if (e.key !== 'Escape') return
        e.currentTarget.value = name
        e.currentTarget.blur()
      }} />
  )
}

function AddClass(): JSX.Element {
  const { store, annotator, rest, attempt } = useApp()
  const name = useSignal('')
  const add = async (event: Event): Promise<void> => {
    event.preventDefault()
    const wanted = name.value.trim()
    if (!wanted) return
    const classes = store.classes.value
    const taken = new Set(classes.map((c) => c.colour.toLowerCase()))
    let index = classes.length
    while (taken.has(defaultColour(index))) index++
    const made = await attempt(() => rest.addClass(wanted, defaultColour(index), freeKey(classes)))
    await annotator.reloadClasses()
    if (!made) return
    name.value = ''
    annotator.chooseClass(made.id)
  }
  return (
    <form class="add" onSubmit={(e) => void add(e)}>
      <input class="field" value={name.value} maxLength={80} placeholder={t('classes.placeholder')} aria-label={t('classes.name')}
        onInput={(e) => (name.value = e.currentTarget.value)} />
      <button class="icon-button" aria-label={t('classes.add')} title={t('classes.add')} disabled={!name.value.trim()}>
        <Icon name="plus" />
      </button>
    </form>
  )
}

function freeKey(classes: readonly ClassInfo[]): number | null {
  for (let key = 1; key <= 9; key++) if (!classes.some((c) => c.key === key)) return key
  return null
}
