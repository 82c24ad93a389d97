import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { thumbUrl } from '../api/rest'
import { toast } from '../state/notices'
import { FILTERS } from '../state/store'
import { t } from '../state/strings'
import type { ImageInfo } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'
import { FilterChoice } from './Objects'

/** Width of a thumbnail with its gap, as in panels.css. */
const STEP = 92
/** Thumbnails kept ready on either side of those in sight. */
const SPARE = 6

/** Thumbnails of the folder with a mark of how far each image is. Only those in sight exist, so a folder may be large. */
export function Strip(): JSX.Element {
  const { store, rest, attempt } = useApp()
  const list = useRef<HTMLDivElement>(null)
  const from = useSignal(0)
  const count = useSignal(40)
  const images = store.shownImages.value
  const at = images.findIndex((i) => i.id === store.current.value)

  const look = (): void => {
    const { scrollLeft, clientWidth } = list.current as HTMLDivElement
    from.value = Math.max(0, Math.floor(scrollLeft / STEP) - SPARE)
    count.value = Math.ceil(clientWidth / STEP) + 2 * SPARE
  }
  useEffect(() => {
    look()
    const observer = new ResizeObserver(look)
    observer.observe(list.current as HTMLDivElement)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    const { scrollLeft, clientWidth } = list.current as HTMLDivElement
    const [left, right] = [at * STEP, (at + 1) * STEP]
    if (left < scrollLeft || right > scrollLeft + clientWidth) list.current?.scrollTo({ left: left - clientWidth / 2 + STEP / 2 })
  }, [at])

  const scan = async (): Promise<void> => {
    const found = await attempt(() => rest.scan())
    if (!found) return
    const added = Math.max(0, found.length - store.images.value.length)
    store.images.value = found
    toast(store, 'note', t('strip.scanned', { added, missing: found.filter((i) => i.status === 'missing').length }))
  }
  const shown = images.slice(from.value, from.value + count.value)
  return (
    <nav class="strip" aria-label={t('strip.label')}>
      <FilterChoice value={store.imageFilter} options={FILTERS} label={t('review.filterImages')} />
      <div class="thumbs" ref={list} onScroll={look}>
        <ol style={{ width: `${images.length * STEP}px` }}>
          {shown.map((image, i) => <Thumb key={image.id} image={image} place={from.value + i} of={images.length} />)}
        </ol>
      </div>
      <button class="icon-button" aria-label={t('strip.scan')} title={t('strip.scan')} onClick={() => void scan()}>
        <Icon name="refresh" />
      </button>
    </nav>
  )
}

function Thumb({ image, place, of }: { image: ImageInfo; place: number; of: number }): JSX.Element {
  const { store, annotator } = useApp()
  const current = store.current.value === image.id
  const bad = image.status === 'missing' || image.status === 'damaged'
  return (
    <li class="place-holder" aria-setsize={of} aria-posinset={place + 1} style={{ left: `${place * STEP}px` }}>
      <button class={`thumb ${current ? 'current' : ''}`} aria-current={current ? 'true' : undefined}
        aria-label={t(`strip.image.${image.kind}`, { name: image.name, state: stateOf(image) })} title={`${image.name}\n${stateOf(image)}`}
        onClick={() => annotator.open(image.id)}>
        {bad ? <Icon name="warning" /> : <img src={thumbUrl(image.id)} alt="" decoding="async" draggable={false} />}
        {image.kind === 'cloud' && <span class="kind" aria-hidden="true"><Icon name="points" size={14} /></span>}
        {image.review && <span class={`badge verdict ${image.review}`}><Icon name={image.review === 'accepted' ? 'check' : 'close'} size={12} /></span>}
        {image.in_progress > 0 ? <span class="badge progress">…</span>
          : image.finished > 0 ? <span class="badge done">{image.finished}</span> : null}
      </button>
    </li>
  )
}

function stateOf(image: ImageInfo): string {
  if (image.status === 'missing') return t('strip.missing')
  if (image.status === 'damaged') return t('strip.damaged')
  if (image.in_progress > 0) return t('strip.progress')
  if (image.finished === 0) return t('strip.none')
  const count = t(image.finished === 1 ? 'strip.done.one' : 'strip.done.many', { count: image.finished })
  return image.review ? t('say.and', { first: count, second: t(`filter.${image.review}`) }) : count
}
