import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { thumbUrl } from '../api/rest'
import { t } from '../state/strings'
import type { ImageInfo } from '../state/wire'
import { useApp } from './app'
import { Icon } from './icons'

/** Thumbnails of the folder with a mark of how far each image is. */
export function Strip(): JSX.Element {
  const { store, annotator, rest, attempt } = useApp()
  const scan = async (): Promise<void> => {
    const before = store.images.value.length
    const images = await attempt(() => rest.scan())
    if (!images) return
    store.images.value = images
    const missing = images.filter((i) => i.status === 'missing').length
    annotator.toast('note', t('strip.scanned', { added: Math.max(0, images.length - before), missing }))
  }
  return (
    <nav class="strip" aria-label={t('strip.label')}>
      <ol class="thumbs">
        {store.images.value.map((image) => <Thumb key={image.id} image={image} />)}
      </ol>
      <button class="icon-button" aria-label={t('strip.scan')} title={t('strip.scan')} onClick={() => void scan()}>
        <Icon name="refresh" />
      </button>
    </nav>
  )
}

function Thumb({ image }: { image: ImageInfo }): JSX.Element {
  const { store, annotator } = useApp()
  const item = useRef<HTMLLIElement>(null)
  const current = store.current.value === image.id
  const bad = image.status === 'missing' || image.status === 'damaged'
  useEffect(() => {
    if (current) item.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [current])
  return (
    <li ref={item}>
      <button class={`thumb ${current ? 'current' : ''}`} aria-current={current ? 'true' : undefined}
        aria-label={t('strip.image', { name: image.name, state: stateOf(image) })} title={`${image.name}\n${stateOf(image)}`}
        onClick={() => annotator.open(image.id)}>
        {bad ? <Icon name="warning" /> : <img src={thumbUrl(image.id)} alt="" loading="lazy" decoding="async" draggable={false} />}
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
  return t(image.finished === 1 ? 'strip.done.one' : 'strip.done.many', { count: image.finished })
}
