/** Export and import of masks. */

import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Kind } from '../state/media'
import type { Store } from '../state/store'
import { isKey, t } from '../state/strings'
import type { ExportResult, FormatInfo, ImportResult } from '../state/wire'
import { useApp } from './app'
import { Dialog } from './Dialog'
import { Icon } from './icons'

interface Choice {
  readonly id: string
  readonly format: string
  readonly options: Readonly<Record<string, string>>
  readonly title: string
  readonly text: string
}

const REVIEWS = ['all', 'not_rejected', 'accepted'] as const

export function ExportDialog(): JSX.Element {
  const { store, rest, attempt } = useApp()
  const wanted = useSignal('')
  const scope = useSignal<'all' | 'current'>('all')
  const review = useSignal<(typeof REVIEWS)[number]>('all')
  const media: readonly Kind[] = scope.value === 'current' ? [store.kind.value] : kindsIn(store)
  const choices = formatsFor(store, media).filter((f) => f.writes !== false).flatMap(exportChoices)
  const chosen = (choices.find((c) => c.id === wanted.value) ?? choices[0])?.id ?? ''
  const running = useSignal(false)
  const result = useSignal<ExportResult | null>(null)

  const start = async (event: Event): Promise<void> => {
    event.preventDefault()
    const choice = choices.find((c) => c.id === chosen)
    const current = store.current.value
    if (!choice) return
    running.value = true
    const images = scope.value === 'current' && current !== null ? [current] : null
    result.value = (await attempt(() => rest.exportAs(choice.format, images, { ...choice.options, ...(review.value === 'all' ? {} : { review: review.value }) }))) ?? null
    running.value = false
  }

  return (
    <Dialog title={t('export.title')}>
      {result.value
        ? <Exported result={result.value} onAgain={() => (result.value = null)} />
        : <form class="form" onSubmit={(e) => void start(e)}>
            <p class="muted">{t('export.help')}</p>
            <Radios legend={t('export.format')} name="format" chosen={chosen} onChoose={(id) => (wanted.value = id)} choices={choices} />
            <fieldset class="inline-radios">
              <legend>{t('export.scope')}</legend>
              {(['all', 'current'] as const).map((one) => (
                <label key={one}>
                  <input type="radio" name="scope" checked={scope.value === one} onChange={() => (scope.value = one)} />
                  {t(`export.scope.${one}`)}
                </label>
              ))}
            </fieldset>
            <label class="line">
              <span>{t('export.review')}</span>
              <select class="field" value={review.value} onChange={(e) => (review.value = e.currentTarget.value as (typeof REVIEWS)[number])}>
                {REVIEWS.map((one) => <option key={one} value={one}>{t(`export.review.${one}`)}</option>)}
              </select>
            </label>
            <div class="form-end">
              <button class="button primary" disabled={running.value}>
                {running.value ? <><span class="spinner small" /> {t('export.running')}</> : <><Icon name="export" size={18} /> {t('export.run')}</>}
              </button>
            </div>
          </form>}
    </Dialog>
  )
}

function Exported({ result, onAgain }: { result: ExportResult; onAgain: () => void }): JSX.Element {
  return (
    <div class="form" role="status">
      <p class="big"><Icon name="check" /> {t('export.done', { objects: result.objects, files: result.files })}</p>
      <p><span class="muted">{t('export.folder')}</span><br /><code>{result.folder}</code></p>
      <Notes notes={result.notes} />
      <div class="form-end">
        <button type="button" class="button quiet" onClick={onAgain}>{t('export.again')}</button>
        <a class="button primary" href={result.download} download={`${result.name}.zip`}>{t('export.download')}</a>
      </div>
    </div>
  )
}

export function ImportDialog(): JSX.Element {
  const { store, rest, annotator, attempt } = useApp()
  const formats = formatsFor(store, kindsIn(store)).filter((f) => f.reads !== false)
  const chosen = useSignal(formats[0]?.name ?? '')
  const file = useSignal<File | null>(null)
  const accepted = formats.find((f) => f.name === chosen.value)?.suffixes ?? []
  const running = useSignal(false)
  const result = useSignal<ImportResult | null>(null)

  const start = async (event: Event): Promise<void> => {
    event.preventDefault()
    const upload = file.value
    if (!upload) return
    running.value = true
    result.value = (await attempt(() => rest.importFrom(upload, upload.name, chosen.value, store.current.value))) ?? null
    running.value = false
    await annotator.reloadClasses()
    const images = await attempt(() => rest.images())
    if (images) store.images.value = images
  }

  return (
    <Dialog title={t('import.title')}>
      <form class="form" onSubmit={(e) => void start(e)}>
        <p class="muted">{t('import.help')}</p>
        <Radios legend={t('import.format')} name="format" chosen={chosen.value} onChoose={(id) => (chosen.value = id)} choices={formats.map(importChoice)} />
        <label class="file">
          <span>{t('import.file', { kinds: accepted.join(', ') })}</span>
          <input type="file" accept={accepted.join(',')} onChange={(e) => (file.value = e.currentTarget.files?.[0] ?? null)} />
        </label>
        {result.value && (
          <div role="status">
            <p class="big"><Icon name="check" /> {t('import.done', { objects: result.value.objects, images: result.value.images })}</p>
            <Notes notes={result.value.notes} />
          </div>
        )}
        <div class="form-end">
          <button class="button primary" disabled={running.value || !file.value}>
            {running.value ? <><span class="spinner small" /> {t('import.running')}</> : <><Icon name="import" size={18} /> {t('import.run')}</>}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

interface RadiosProps {
  legend: string
  name: string
  chosen: string
  onChoose: (id: string) => void
  choices: readonly Choice[]
}

function Radios({ legend, name, chosen, onChoose, choices }: RadiosProps): JSX.Element {
  return (
    <fieldset class="cards">
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.id} class={chosen === choice.id ? 'chosen' : ''}>
          <input type="radio" name={name} value={choice.id} checked={chosen === choice.id} onChange={() => onChoose(choice.id)} />
          <span><b>{choice.title}</b><br /><span class="muted">{choice.text}</span></span>
        </label>
      ))}
    </fieldset>
  )
}

function Notes({ notes }: { notes: readonly string[] }): JSX.Element | null {
  return notes.length ? <ul class="notes">{notes.map((note) => <li key={note}>{note}</li>)}</ul> : null
}

/** The kinds of media in the project, that of the open one first. */
function kindsIn({ images, kind }: Store): readonly Kind[] {
  return [kind.value, ...new Set(images.value.map((image) => image.kind).filter((one) => one !== kind.value))]
}

/** The formats that hold one of these media: those of the first medium first. */
function formatsFor(store: Store, media: readonly Kind[]): readonly FormatInfo[] {
  const holds = (format: FormatInfo, kind: Kind | undefined): boolean => kind !== undefined && (format.kinds ?? ['photo']).includes(kind)
  const possible = usualFirst(store.project.value?.formats ?? []).filter((f) => media.some((kind) => holds(f, kind)))
  return [...possible.filter((f) => holds(f, media[0])), ...possible.filter((f) => !holds(f, media[0]))]
}

const USUAL = ['png', 'coco', 'labelme']

function usualFirst(formats: readonly FormatInfo[]): readonly FormatInfo[] {
  const place = (f: FormatInfo): number => (USUAL.indexOf(f.name) + USUAL.length + 1) % (USUAL.length + 1)
  return [...formats].sort((a, b) => place(a) - place(b))
}

function exportChoices(format: FormatInfo): Choice[] {
  const kinds = format.name === 'coco' ? ['rle', 'polygon'] : [null]
  return kinds.map((kind) => {
    const id = kind ? `${format.name}-${kind}` : format.name
    return { ...named('export', id, format), format: format.name, options: kind ? { segmentation: kind } : {} }
  })
}

function importChoice(format: FormatInfo): Choice {
  return { ...named('import', format.name, format), format: format.name, options: {} }
}

function named(way: 'export' | 'import', id: string, format: FormatInfo): { id: string; title: string; text: string } {
  const key = `${way}.choice.${id}`
  return isKey(key) ? { id, title: t(key), text: t(`${key}Help`) } : { id, title: format.title ?? format.name, text: format.summary }
}
