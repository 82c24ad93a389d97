import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { displayUrl } from '../api/rest'
import { drawMasked, roundAbout } from '../canvas/masked'
import { objectName } from '../state/describe'
import { EMPTY_MASK, unionBox, type Box, type RunMask } from '../state/runs'
import { colourOf } from '../state/styles'
import { number, t } from '../state/strings'
import type { ObjectInfo, ObjectVersion } from '../state/wire'
import { useApp } from './app'
import { Dialog } from './Dialog'

/** One object as it was after an earlier step, and as it is now, side by side. */
export function CompareDialog(): JSX.Element {
  const { store } = useApp()
  const { objects } = store.document.value
  const wanted = useSignal(store.selected.value ?? store.document.value.active ?? objects[objects.length - 1]?.id ?? null)
  const object = objects.find((o) => o.id === wanted.value)
  return (
    <Dialog title={t('compare.title')} wide>
      <div class="form">
        <label class="line">
          <span>{t('compare.object')}</span>
          <select class="field" value={wanted.value ?? ''} onChange={(e) => (wanted.value = Number(e.currentTarget.value))}>
            {objects.map((o) => <option key={o.id} value={o.id}>{objectName(o, store.classes.value)}</option>)}
          </select>
        </label>
        {object ? <Sides key={object.id} object={object} /> : <p class="muted">{t('compare.none')}</p>}
      </div>
    </Dialog>
  )
}

function Sides({ object }: { object: ObjectInfo }): JSX.Element {
  const { store, rest, attempt } = useApp()
  const versions = useSignal<readonly ObjectVersion[]>([])
  const chosen = useSignal<number | null>(null)
  const before = useSignal<RunMask>(EMPTY_MASK)
  const picture = usePicture(object.image)
  const now = store.layers.value?.maskOf(object.id) ?? EMPTY_MASK
  useEffect(() => {
    void attempt(() => rest.versions(object.id)).then((found) => {
      versions.value = found ?? []
      chosen.value = found?.[0]?.action ?? null
    })
  }, [object.id, object.rev])
  useEffect(() => {
    const action = chosen.value
    if (action !== null) void attempt(() => rest.versionMask(object.id, action)).then((mask) => (before.value = mask ?? EMPTY_MASK))
  }, [chosen.value])
  const size = store.imageSize.value ?? { width: 1, height: 1 }
  const crop = roundAbout(unionBox(before.value.box, now.box), size)
  const colour = colourOf(object, store.classes.value)
  const version = versions.value.find((v) => v.action === chosen.value)
  return (
    <>
      <label class="line">
        <span>{t('compare.before')}</span>
        <select class="field" value={chosen.value ?? ''} onChange={(e) => (chosen.value = Number(e.currentTarget.value))}>
          {versions.value.map((v) => <option key={v.action} value={v.action}>{v.label}</option>)}
        </select>
      </label>
      <div class="sides">
        <Side title={t('compare.was', { area: number(version?.area ?? 0) })} picture={picture} crop={crop} mask={before.value} colour={colour} />
        <Side title={t('compare.is', { area: number(object.area) })} picture={picture} crop={crop} mask={now} colour={colour} />
      </div>
      {version && <p role="status">{t('compare.iou', { iou: version.iou.toFixed(3) })}</p>}
    </>
  )
}

interface SideProps {
  title: string
  picture: HTMLImageElement | null
  crop: Box
  mask: RunMask
  colour: string
}

function Side({ title, picture, crop, mask, colour }: SideProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (picture && canvas.current) drawMasked(canvas.current, picture, crop, mask, colour)
  }, [picture, mask, colour, crop.x0, crop.y0, crop.x1, crop.y1])
  return <figure><canvas ref={canvas} width="400" height="300" role="img" aria-label={title} /><figcaption>{title}</figcaption></figure>
}

function usePicture(image: number): HTMLImageElement | null {
  const loaded = useSignal<HTMLImageElement | null>(null)
  useEffect(() => {
    const element = new Image()
    element.src = displayUrl(image)
    element.decode().then(() => (loaded.value = element), () => undefined)
  }, [image])
  return loaded.value
}
