/** Made-up values and a fake server for the tests. */

import { writeVarints, type Box } from '../src/state/runs'
import type { LiveHandlers, Ports, Rest } from '../src/state/ports'
import type { Ack, ClassInfo, History, ImageInfo, Look, Name, ObjectInfo, Ready, SentCommand } from '../src/state/wire'

interface RecordParts { seq?: number; rev?: number; object?: number; box?: Box; runs: number[]; settled?: boolean }

export function record({ seq = 0, rev = 1, object = 1, box = { x0: 0, y0: 0, x1: 0, y1: 0 }, runs, settled = true }: RecordParts): ArrayBuffer {
  const tail = writeVarints(runs)
  const bytes = new Uint8Array(36 + tail.length)
  const view = new DataView(bytes.buffer)
  bytes.set([0x4d, 0x31, 0, settled ? 1 : 0])
  ;[seq, rev, object, box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0, runs.length].forEach((v, i) => view.setUint32(4 + 4 * i, v, true))
  bytes.set(tail, 36)
  return bytes.buffer
}

export const NO_HISTORY: History = { undo: null, redo: null }

export const object = (id: number, more: Partial<ObjectInfo> = {}): ObjectInfo => ({
  id, image: 3, class: 1, colour: null, hidden: false, locked: false, ghosts: 0, waiting: false, threshold: null, ignored: false, review: null, reviewer: '', note: '', z: id, state: 'in_progress', rev: 1, settled: true, area: 0,
  box: [0, 0, 0, 0], prompts: [], ...more,
})

export const image = (id: number, more: Partial<ImageInfo> = {}): ImageInfo => ({
  id, name: `${id}.png`, kind: 'photo', status: 'ok', problem: null, width: 8, height: 6, tiles: null, rev: 0, finished: 0, in_progress: 0,
  accepted: 0, rejected: 0, review: null, reviewer: '', ...more,
})

export const LEAF: ClassInfo = { id: 1, name: 'leaf', colour: '#009e73', key: 1, objects: 0 }
export const SPOT: ClassInfo = { id: 2, name: 'spot', colour: '#d55e00', key: 2, objects: 0 }

export const ready = (more: Partial<Ready> = {}): Ready => ({
  type: 'ready', image: image(3), rev: 0, objects: [], active: null, history: NO_HISTORY, last_seq: 0, model: 'flood', ...more,
})

export const ack = (seq: number, more: Partial<Ack> = {}): Ack => ({
  type: 'ack', seq, rev: seq, object: null, active: null, objects: [], removed: [], history: NO_HISTORY, ...more,
})

/** Ports that remember what was sent; the test plays the server through `handlers`. */
export function fakePorts() {
  const sent: (SentCommand | Look | Name)[] = []
  const kept = new Map<string, string>()
  const keep = { get: (name: string) => kept.get(name) || null, set: (name: string, value: string) => void kept.set(name, value) }
  const state = { sent, kept, handlers: null as LiveHandlers | null, clock: 1000, connected: [] as number[] }
  const ports: Ports = {
    rest: { classes: () => Promise.resolve([LEAF, SPOT]) } as unknown as Rest,
    connect(id, _client, handlers) {
      state.connected.push(id)
      state.handlers = handlers
      return { send: (command) => void sent.push(command), close: () => undefined }
    },
    lasting: keep,
    session: keep,
    languages: ['de-AT', 'zh-CN', 'en'],
    now: () => state.clock,
  }
  return { ports, ...state, get handlers() { return state.handlers as LiveHandlers }, tick: (ms: number) => (state.clock += ms) }
}
