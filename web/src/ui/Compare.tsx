import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { displayUrl, regionUrl } from '../api/rest'
import { drawMasked, roundAbout, type Part } from '../canvas/masked'
import { drawPortrait } from '../cloud/portrait'
import { objectName } from '../state/describe'
import { amount } from '../state/media'
import { EMPTY_MASK, unionBox, type Box, type RunMask } from '../state/runs'
import { colourOf } from '../state/styles'
import { said, t } from '../state/strings'
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
  const picture = usePicture(store.kind.value === 'photo' ? object.image : null, store.currentImage.value?.tiles ? crop : null)
  const colour = colourOf(object, store.classes.value)
  const version = versions.value.find((v) => v.action === chosen.value)
  const { value: kind } = store.kind
  const sides = [
    { key: 'was', title: t('compare.was', { area: amount(kind, version?.area ?? 0) }), mask: before.value },
    { key: 'is', title: t('compare.is', { area: amount(kind, object.area) }), mask: now },
  ]
  return (
    <>
      <label class="line">
        <span>{t('compare.before')}</span>
        <select class="field" value={chosen.value ?? ''} onChange={(e) => (chosen.value = Number(e.currentTarget.value))}>
          {versions.value.map((v) => <option key={v.action} value={v.action}>{said(v.label, v.words)}</option>)}
        </select>
      </label>
      <div class="sides">
        {sides.map(({ key, title, mask }) => (store.kind.value === 'cloud'
          ? <CloudSide key={key} title={title} mask={mask} colour={colour} frame={now} />
          : <Side key={key} title={title} picture={picture} crop={crop} mask={mask} colour={colour} />))}
      </div>
      {version && <p role="status">{t('compare.iou', { iou: version.iou.toFixed(3) })}</p>}
    </>
  )
}

/** Of a part of a large image: twice what is shown, for sharp screens. */
const REGION_SIDE = 800

interface SideProps {
  title: string
  picture: Part | null
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

/** A cloud with one mask, from where it is seen now; both sides have the object as it is now in the middle. */
function CloudSide({ title, mask, colour, frame }: { title: string; mask: RunMask; colour: string; frame: RunMask }): JSX.Element {
  const { cloud } = useApp()
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (canvas.current) drawPortrait(canvas.current, cloud, mask, colour, frame)
  }, [mask, colour, frame])
  return <figure><canvas ref={canvas} width="400" height="300" role="img" aria-label={title} /><figcaption>{title}</figcaption></figure>
}

/** The picture of an image, or of the part of one that is too large for a picture. */
function usePicture(image: number | null, part: Box | null): Part | null {
  const loaded = useSignal<Part | null>(null)
  useEffect(() => {
    if (image === null) return
    const element = new Image()
    element.src = part ? regionUrl(image, part, REGION_SIDE) : displayUrl(image)
    const shown = (): Part => ({ picture: element, box: part ?? { x0: 0, y0: 0, x1: element.naturalWidth, y1: element.naturalHeight } })
    element.decode().then(() => (loaded.value = shown()), () => undefined)
  }, [image, part?.x0, part?.y0, part?.x1, part?.y1])
  return loaded.value
}
