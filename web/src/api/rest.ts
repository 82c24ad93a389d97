/** REST calls of docs/annotator-protocol.md, section 4. A refusal arrives as `Refusal` with the server's own words. */

import { Refusal, type Rest } from '../state/ports'
import type { Box } from '../state/runs'
import type { Plane, Window } from '../state/slices'
import {
  parseRecord, type ClassInfo, type ExportResult, type HistoryEntry, type ImageInfo, type ImportResult, type Loop, type Models, type ObjectVersion,
  type Policy, type ProjectInfo, type Statistics, type Training, type Uncertainty, type Words,
} from '../state/wire'

export const ROOT = '/api/v1'

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const form = body instanceof FormData
  const response = await fetch(ROOT + path, {
    method,
    credentials: 'same-origin',
    ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    ...(body === undefined || form ? {} : { headers: { 'Content-Type': 'application/json' } }),
  })
  if (!response.ok) throw await refusal(response)
  return (response.status === 204 ? undefined : await response.json()) as T
}

async function refusal(response: Response): Promise<Refusal> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; words?: Words } }
    return new Refusal(error.code, error.message, error.words)
  } catch {
    return new Refusal(response.status === 401 ? 'unauthorised' : 'http', `${response.status} ${response.statusText}`)
  }
}

function fromBase64(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer
}

export const rest: Rest = {
  project: () => call<ProjectInfo>('GET', '/project'),
  setPolicy: (policy) => call<{ policy: Policy }>('PATCH', '/project', { policy }),
  history: async (image) => (await call<{ entries: HistoryEntry[] }>('GET', `/images/${image}/history`)).entries,
  outline: async (object, tolerance) => (await call<{ loops: Loop[] }>('GET', `/objects/${object}/polygon?tolerance=${tolerance}`)).loops,
  uncertainty: async (object) => {
    const found = await call<Omit<Uncertainty, 'unsure'> & { unsure: string }>('GET', `/objects/${object}/uncertainty`)
    return { ...found, unsure: parseRecord(fromBase64(found.unsure)).mask }
  },
  scan: async () => {
    await call('POST', '/project/scan')
    return rest.images()
  },
  judgeImage: (image, review, by) => call<ImageInfo>('PATCH', `/images/${image}`, { review, by }),
  images: async () => (await call<{ images: ImageInfo[] }>('GET', '/images')).images,
  classes: async () => (await call<{ classes: ClassInfo[] }>('GET', '/classes')).classes,
  addClass: (name, colour, key) =>
    call<ClassInfo>('POST', '/classes', { name, ...(colour ? { colour } : {}), ...(key ? { key } : {}) }),
  patchClass: (id, patch) => call<ClassInfo>('PATCH', `/classes/${id}`, patch),
  deleteClass: (id) => call<void>('DELETE', `/classes/${id}`),
  models: () => call<Models>('GET', '/models'),
  useModel: (name) => call<Models>('PUT', '/models/current', { name }),
  exportAs: (format, images, options) => call<ExportResult>('POST', '/export', { format, images, options }),
  training: () => call<Training>('GET', '/training'),
  teach: (name, start, steps) => call<Training>('POST', '/training', { name, start, steps }),
  stopTeaching: () => call<Training>('DELETE', '/training'),
  statistics: () => call<Statistics>('GET', '/statistics'),
  versions: async (object) => (await call<{ versions: ObjectVersion[] }>('GET', `/objects/${object}/versions`)).versions,
  versionMask: async (object, action) => {
    const response = await fetch(`${ROOT}/objects/${object}/versions/${action}`, { credentials: 'same-origin' })
    if (!response.ok) throw await refusal(response)
    return parseRecord(await response.arrayBuffer()).mask
  },
  takeLabels: (image) => call<unknown>('POST', `/images/${image}/labels`, {}),
  cut: (image, plane) => call('PUT', `/images/${image}/plane`, { plane }),
  look: (image, [center, width]) => call('PUT', `/images/${image}/window`, { center, width }),
  importFrom: (file, filename, format, image) => {
    const form = new FormData()
    form.append('file', file, filename)
    form.append('format', format)
    if (image !== null) form.append('image', String(image))
    return call<ImportResult>('POST', '/import', form)
  },
}

/** The image as it is once the server has looked at its file. */
export const lookAt = (image: number): Promise<ImageInfo> => call<ImageInfo>('GET', `/images/${image}?look=true`)

/** A tile of a large image, null while the server has not got it. */
export async function loadTile(image: number, level: number, column: number, row: number): Promise<ImageBitmap | null> {
  const response = await fetch(`${ROOT}/images/${image}/tiles/${level}/${column}/${row}`, { credentials: 'same-origin' })
  if (response.status === 204) return null
  if (!response.ok) throw await refusal(response)
  return createImageBitmap(await response.blob(), { premultiplyAlpha: 'none' })
}

export const regionUrl = (image: number, { x0, y0, x1, y1 }: Box, side: number): string =>
  `${ROOT}/images/${image}/region?x0=${x0}&y0=${y0}&x1=${x1}&y1=${y1}&side=${side}`
export const displayUrl = (image: number): string => `${ROOT}/images/${image}/display`
/** A slice of a volume through a window, the usual one without. */
export function sliceUrl(image: number, slice: number, window: Window | null, plane: Plane): string {
  return `${ROOT}/images/${image}/slices/${slice}?plane=${plane}${window ? `&center=${window[0]}&width=${window[1]}` : ''}`
}
export const labelsUrl = (image: number, format: string): string => `${ROOT}/images/${image}/labels?format=${format}`
export const thumbUrl = (image: number): string => `${ROOT}/images/${image}/thumb`
export const LOG_CSV = `${ROOT}/log?format=csv`
export const STATISTICS_CSV = `${ROOT}/statistics?format=csv`
