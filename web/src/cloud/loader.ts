/** Brings the points of a cloud: first what there is, then chunk by chunk, each a fair sample of what is still to come. */

import { ROOT } from '../api/rest'
import { t } from '../state/strings'
import { parseChunk } from './packet'
import { Scan, type ScanPlan } from './scan'

export interface LoadSteps {
  /** The cloud is known, without points. */
  begun(scan: Scan): void
  /** The points `from` to `to` are here. */
  arrived(from: number, to: number): void
}

/** Resolves when everything is here; throws with the server's words when it refuses, and when `signal` gives up. */
export async function loadScan(image: number, steps: LoadSteps, signal: AbortSignal): Promise<void> {
  const address = `${ROOT}/images/${image}/points`
  const scan = new Scan((await (await answer(address, signal)).json()) as ScanPlan)
  steps.begun(scan)
  const bring = async (chunk: number): Promise<ArrayBuffer> => (await answer(`${address}/${chunk}`, signal)).arrayBuffer()
  let next = scan.plan.chunks > 0 ? bring(0) : null
  for (let chunk = 1; next; chunk++) {
    const buffer: ArrayBuffer = await next
    // The next one is on its way while this one is taken in.
    next = chunk < scan.plan.chunks ? bring(chunk) : null
    next?.catch(() => undefined)
    const from = scan.count
    scan.append(parseChunk(buffer))
    steps.arrived(from, scan.count)
  }
}

async function answer(address: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(address, { credentials: 'same-origin', signal })
  if (response.ok) return response
  const text = await response.text()
  try {
    throw new Error((JSON.parse(text) as { error: { message: string } }).error.message)
  } catch (error) {
    throw error instanceof SyntaxError ? new Error(t('canvas.status', { status: `${response.status} ${response.statusText}` })) : error
  }
}
