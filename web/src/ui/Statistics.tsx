import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { LOG_CSV, STATISTICS_CSV } from '../api/rest'
import { duration, number, t } from '../state/strings'
import type { Numbers, Statistics } from '../state/wire'
import { useApp } from './app'
import { Dialog } from './Dialog'

/** What has been done and what it took. */
export function StatisticsDialog(): JSX.Element {
  const { rest, attempt } = useApp()
  const found = useSignal<Statistics | null>(null)
  useEffect(() => {
    void attempt(() => rest.statistics()).then((answer) => (found.value = answer ?? null))
  }, [])
  return (
    <Dialog title={t('statistics.title')} wide>
      {found.value ? <Sheet statistics={found.value} /> : <p class="muted" role="status">{t('statistics.counting')}</p>}
    </Dialog>
  )
}

function Sheet({ statistics }: { statistics: Statistics }): JSX.Element {
  const { store, annotator } = useApp()
  const { images, total } = statistics
  const each = Math.max(1, total.objects)
  const tiles: readonly (readonly [string, string])[] = [
    [t('statistics.images'), t('statistics.of', { some: number(images.annotated), all: number(images.all) })],
    [t('statistics.objects'), number(total.objects)],
    [t('statistics.clicks'), number(total.clicks)],
    [t('statistics.time'), duration(total.seconds)],
    [t('statistics.clicksEach'), (total.clicks / each).toFixed(1)],
    [t('statistics.timeEach'), duration(total.seconds / each)],
  ]
  const open = (image: number): void => {
    store.panel.value = null
    annotator.open(image)
  }
  return (
    <div class="form">
      <dl class="tiles">{tiles.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <progress class="share" max={Math.max(1, images.all)} value={images.annotated} aria-label={t('statistics.images')} />
      <Table title={t('classes.title')} rows={statistics.classes.map((one) => ({ ...one, head: <><span class="swatch" style={{ backgroundColor: one.colour }} /> {one.name}</> }))} />
      <Table title={t('strip.label')} rows={statistics.by_image.map((one) => ({
        ...one, head: <button class="link" onClick={() => open(one.id)}>{one.name}</button>,
      }))} />
      <p class="muted">{t('statistics.help', { seconds: statistics.pause_seconds })}</p>
      <div class="form-end"><a class="button" href={STATISTICS_CSV} download="statistics.csv">{t('statistics.csv')}</a> <a class="button" href={LOG_CSV} download="log.csv">{t('statistics.log')}</a></div>
    </div>
  )
}

function Table({ title, rows }: { title: string; rows: readonly (Numbers & { id: number; head: JSX.Element })[] }): JSX.Element {
  const most = Math.max(1, ...rows.map((row) => row.objects))
  return (
    <table class="numbers">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col"><span class="unseen">{title}</span></th>
          {['objects', 'clicks', 'time', 'kept'].map((name) => <th key={name} scope="col">{t(`statistics.${name}`)}</th>)}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id}>
            <th scope="row">{row.head}</th>
            <td class="bar" style={{ '--part': row.objects / most }}>{number(row.objects)}</td>
            <td>{number(row.clicks)}</td>
            <td>{duration(row.seconds)}</td>
            <td>{row.imported_iou === null ? '–' : t('statistics.iou', { iou: row.imported_iou.toFixed(3), count: row.imported })}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
