import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LiveConnection, liveUrl } from '../src/api/live'
import { ready } from './fake'

class FakeSocket {
  static made: FakeSocket[] = []
  readyState = 0
  sent: unknown[] = []
  binaryType = ''
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  constructor() { FakeSocket.made.push(this) }
  send(text: string) { this.sent.push(JSON.parse(text)) }
  close() { this.readyState = 3 }
  open() { this.readyState = 1; this.onopen?.() }
  say(message: object) { this.onmessage?.({ data: JSON.stringify(message) }) }
}

const handlers = { message: vi.fn(), records: vi.fn(), connected: vi.fn(), ended: vi.fn() }
const connect = () => new LiveConnection('ws://here/live', 'client-12345', handlers, () => new FakeSocket() as unknown as WebSocket)
const socket = (at = -1) => FakeSocket.made.at(at) as FakeSocket

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', { CONNECTING: 0, OPEN: 1 })
  FakeSocket.made = []
  for (const handler of Object.values(handlers)) handler.mockReset()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('speaks to the page’s own origin', () => {
  expect(liveUrl(3, 'http://127.0.0.1:8765')).toBe('ws://127.0.0.1:8765/api/v1/images/3/live')
})

it('introduces itself and sends only after ready', () => {
  const live = connect()
  socket().open()
  live.send({ type: 'undo', seq: 1, rev: 0 })
  expect(socket().sent).toEqual([{ type: 'open', client: 'client-12345', name: '' }])
  socket().say(ready())
  live.send({ type: 'undo', seq: 1, rev: 0 })
  expect(socket().sent).toHaveLength(2)
})

it('comes back by itself, more and more patiently', () => {
  connect()
  socket().onclose?.({ code: 1006 })
  expect(handlers.connected).toHaveBeenCalledWith('lost')
  vi.advanceTimersByTime(250)
  expect(FakeSocket.made).toHaveLength(2)
  socket().onclose?.({ code: 1006 })
  vi.advanceTimersByTime(499)
  expect(FakeSocket.made).toHaveLength(2)
  vi.advanceTimersByTime(1)
  expect(FakeSocket.made).toHaveLength(3)
})

it('gives up when the server says that it is pointless', () => {
  connect()
  socket().onclose?.({ code: 4422 })
  vi.advanceTimersByTime(60000)
  expect(handlers.ended).toHaveBeenCalledWith(4422)
  expect(FakeSocket.made).toHaveLength(1)
})

it('closes a socket that is still connecting once it is open, without a word', () => {
  connect().close()
  expect(socket().readyState).toBe(0)
  socket().open()
  expect(socket().readyState).toBe(3)
  expect(handlers.connected).not.toHaveBeenCalled()
})
