/** A training from the page: what it learns from, how far it is, what came of it. */

import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { doneShare, follow } from '../state/lessons'
import { duration, number, said, t } from '../state/strings'
import { isTaught, type Lesson, type Training } from '../state/wire'
import { useApp } from './app'
import { Dialog } from './Dialog'
import { Icon } from './icons'

/** Below this the figures on held-out photographs say little. */
const FEW_PHOTOGRAPHS = 20
const CLICKS = [1, 3, 5]

/** How far the training is, while there is one; opens the dialog. */
export function TeachProgress(): JSX.Element | null {
  const { store } = useApp()
  const lesson = store.lesson.value
  if (!lesson || !isTaught(lesson)) return null
  const text = t('teach.share', { name: lesson.name, percent: percent(lesson) })
  return (
    <button class="button quiet" aria-label={text} title={text} onClick={() => (store.panel.value = 'teach')}>
      <span class="spinner small" /> {t('status.zoom', { zoom: percent(lesson) })}
    </button>
  )
}

export function TeachDialog(): JSX.Element {
  const { store, rest, attempt } = useApp()
  const training = useSignal<Training | null>(null)
  const again = useSignal(false)
  const take = (answer: Training | undefined): void => {
    if (!answer) return
    training.value = answer
    follow(store, rest, answer.lesson)
  }
  const load = (): Promise<void> => attempt(() => rest.training()).then(take)
  useEffect(() => void load(), [])
  const lesson = store.lesson.value
  const anew = (): void => {
    again.value = true
    training.value = null
    void load()
  }
  const begin = async (name: string, start: string, steps: number): Promise<void> => {
    const answer = await attempt(() => rest.teach(name, start, steps))
    if (answer) again.value = false
    take(answer)
  }
  const shown = lesson && (isTaught(lesson) || !again.value) ? lesson : null
  return (
    <Dialog title={t('teach.title')}>
      {shown
        ? isTaught(shown)
          ? <Running lesson={shown} onStop={() => void attempt(() => rest.stopTeaching()).then(take)} />
          : <Ended lesson={shown} onAgain={anew} />
        : training.value
          ? <Beginning training={training.value} onBegin={begin} />
          : <p class="muted" role="status">{t('teach.asking')}</p>}
    </Dialog>
  )
}

function Beginning({ training, onBegin }: { training: Training; onBegin: (name: string, start: string, steps: number) => Promise<void> }): JSX.Element {
  const name = useSignal(training.name)
  const start = useSignal(training.start ?? '')
  const steps = useSignal(training.steps)
  const waiting = useSignal(false)
  if (training.problem) return <p class="note" role="status">{said(training.problem, training.words)}</p>
  if (training.objects === 0) return <p class="note" role="status">{t('teach.nothing')}</p>

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    waiting.value = true
    await onBegin(name.value.trim(), start.value, steps.value)
    waiting.value = false
  }
  return (
    <form class="form" onSubmit={(e) => void submit(e)}>
      <p>{t('teach.from', { objects: training.objects, images: training.images })}</p>
      {training.images < FEW_PHOTOGRAPHS && <p class="muted">{t('teach.few')}</p>}
      <section class="fields">
        <label>
          <span>{t('teach.name')}</span>
          <input class="field" required maxLength={40} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
        </label>
        <label>
          <span>{t('teach.start')}</span>
          <select class="field" value={start.value} onChange={(e) => (start.value = e.currentTarget.value)}>
            {training.starts.map((one) => <option key={one} value={one}>{one}</option>)}
          </select>
        </label>
        <label>
          <span>{t('teach.steps')}</span>
          <input class="field" type="number" required min={1} max={100000} value={steps.value} onInput={(e) => (steps.value = e.currentTarget.valueAsNumber)} />
          <small class="muted">{t('teach.stepsHelp')}</small>
        </label>
      </section>
      <div class="form-end">
        <button class="button primary" disabled={waiting.value}>
          {waiting.value ? <><span class="spinner small" /> {t('teach.beginning')}</> : <><Icon name="spark" size={18} /> {t('teach.begin')}</>}
        </button>
      </div>
    </form>
  )
}

function Running({ lesson, onStop }: { lesson: Lesson; onStop: () => void }): JSX.Element {
  const known = (value: number | null, show: (value: number) => string): string => (value === null ? t('teach.unknown') : show(value))
  const figures: readonly (readonly [string, string])[] = [
    [t('teach.step'), t('teach.of', { some: number(lesson.step), all: number(lesson.steps) })],
    [t('teach.samples'), number(lesson.samples)],
    [t('teach.left'), known(lesson.seconds_left, (left) => duration(Math.round(left)))],
    [t('teach.loss'), known(lesson.loss, (loss) => loss.toFixed(3))],
    [t('teach.iou'), known(lesson.iou, (iou) => iou.toFixed(3))],
  ]
  return (
    <div class="form">
      <p class="big">{t('teach.running', { name: lesson.name })}</p>
      <progress class="share" max={1} value={doneShare(lesson)} aria-label={t('teach.share', { name: lesson.name, percent: percent(lesson) })} />
      <p class="muted" role="status">{t(`teach.state.${lesson.state}`)}{lesson.samples_per_second !== null && lesson.state === 'training' && <> · {t('teach.speed', { speed: lesson.samples_per_second.toFixed(1) })}</>}</p>
      <dl class="tiles">{figures.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <p class="muted">{t('teach.runningHelp')}</p>
      <div class="form-end"><button type="button" class="button" onClick={onStop}>{t('teach.stop')}</button></div>
    </div>
  )
}

function Ended({ lesson, onAgain }: { lesson: Lesson; onAgain: () => void }): JSX.Element {
  const { store, rest, attempt } = useApp()
  const { name } = lesson
  const use = async (): Promise<void> => {
    const models = await attempt(() => rest.useModel(name))
    if (!models) return
    store.models.value = models
    store.panel.value = null
  }
  return (
    <div class="form">
      {lesson.state === 'done' && <p class="big" role="status"><Icon name="check" /> {t('teach.done', { name })}</p>}
      {lesson.state === 'stopped' && <p class="note" role="status">{t('teach.stopped', { name })}</p>}
      {lesson.state === 'failed' && <p class="note" role="status">{t('teach.failed', { name, problem: said(lesson.problem ?? '', lesson.words) })}</p>}
      {lesson.state === 'done' && <Checks lesson={lesson} />}
      <div class="form-end">
        <button type="button" class="button quiet" onClick={onAgain}>{t('teach.again')}</button>
        {lesson.state === 'done' && <button type="button" class="button primary" onClick={() => void use()}>{t('teach.use', { name })}</button>}
      </div>
    </div>
  )
}

function Checks({ lesson }: { lesson: Lesson }): JSX.Element | null {
  const rows = CLICKS.flatMap((clicks) => {
    const [before, after] = [lesson.first[`iou@${clicks}`], lesson.last[`iou@${clicks}`]]
    return before === undefined || after === undefined ? [] : [{ clicks, before, after }]
  })
  if (rows.length === 0) return null
  return (
    <table class="numbers">
      <caption>{t('teach.checks')}</caption>
      <thead><tr><th scope="col">{t('teach.clicks')}</th><th scope="col">{t('teach.before')}</th><th scope="col">{t('teach.after')}</th></tr></thead>
      <tbody>
        {rows.map(({ clicks, before, after }) => (
          <tr key={clicks}><th scope="row">{clicks}</th><td>{before.toFixed(3)}</td><td>{after.toFixed(3)}</td></tr>
        ))}
      </tbody>
    </table>
  )
}

const percent = (lesson: Lesson): number => Math.floor(100 * doneShare(lesson))
