import type { JSX } from 'preact'
import { whereIn } from '../state/doubter'
import { number, t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'
import { firstKey } from './keys'

/** What the model is not sure of, in words, and the way to the place where a click would tell most. */
export function DoubtBar(): JSX.Element | null {
  const { store, annotator, run } = useApp()
  const active = store.active.value
  const doubts = store.doubts.value
  if (!store.doubting.value || store.status.value !== 'ready') return null
  const place = doubts?.places[doubts.at]
  const key = (command: 'uncertainty-go' | 'uncertainty' | 'positive-here' | 'negative-here'): JSX.Element | null => {
    const shown = firstKey(store, command)
    return shown === null ? null : <kbd>{shown}</kbd>
  }
  return (
    <div class="actions doubts" data-testid="doubts">
      <Icon name="unsure" size={16} />
      {!active && <span>{t('say.nothingUnsure')}</span>}
      {active && !doubts && <span><span class="spinner small" /> {t('doubt.asking')}</span>}
      {active && doubts && !place && <span>{t('doubt.sure')}</span>}
      {active && doubts && place && <>
        <span>{t('doubt.place', { where: t(`where.${whereIn(active, place)}`) })}</span>
        <span class="muted">{t('doubt.count', { at: doubts.at + 1, count: doubts.places.length, area: number(place.pixels) })}</span>
        {doubts.reached
          ? <span class="muted">{key('positive-here')} {t('doubt.yes')} {key('negative-here')} {t('doubt.no')}</span>
          : <button class="button primary" onClick={() => run('uncertainty-go')}>{t('doubt.go')} {key('uncertainty-go')}</button>}
        {doubts.places.length > 1 && <button class="button quiet" onClick={() => run('uncertainty')}>{t('doubt.next')} {key('uncertainty')}</button>}
      </>}
      {active && doubts && <span class="muted" title={t('doubt.iouHelp')}>{t('doubt.iou', { iou: doubts.expected_iou.toFixed(2) })}</span>}
      <button class="icon-button small" aria-label={t('doubt.close')} title={t('doubt.close')} onClick={() => annotator.doubter.close()}>
        <Icon name="close" size={16} />
      </button>
    </div>
  )
}
