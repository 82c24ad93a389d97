/** The WebSocket of one open image. It comes back by itself after a loss; what to send again is the outbox's business. */

import type { Live, LiveHandlers } from '../state/ports'
import { parseRecords, type Look, type Name, type SentCommand, type ServerMessage } from '../state/wire'
import { ROOT } from './rest'

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5000
/** Close codes after which trying again cannot help. */
const FINAL = new Set([4400, 4401, 4403, 4404, 4409, 4422])

export type SocketFactory = (url: string) => WebSocket

export function liveUrl(image: number, origin: string): string {
  return `${origin.replace(/^http/, 'ws')}${ROOT}/images/${image}/live`
}

export class LiveConnection implements Live {
  private socket: WebSocket | null = null
  private ready = false
  private closed = false
  private wait = FIRST_WAIT_MS
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly url: string,
    private readonly client: string,
    private readonly handlers: LiveHandlers,
    private readonly open: SocketFactory = (address) => new WebSocket(address),
    private readonly name: () => string = () => '',
  ) {
    this.connect()
  }

  /** Sends at once if the image is open; otherwise the outbox sends it after `ready`. */
  send(command: SentCommand | Look | Name): void {
    if (this.ready && this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command))
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    const { socket } = this
    // Closing a socket that is still connecting makes the browser complain, so that waits until it is open.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close()
    else socket?.close()
  }

  private connect(): void {
    const socket = this.open(this.url)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    socket.onopen = () => socket.send(JSON.stringify({ type: 'open', client: this.client, name: this.name() }))
    socket.onmessage = (event) => this.receive(event.data as string | ArrayBuffer)
    socket.onclose = (event) => this.lost(event.code)
  }

  private receive(data: string | ArrayBuffer): void {
    if (this.closed) return
    if (typeof data !== 'string') return this.handlers.records(parseRecords(data))
    const message = JSON.parse(data) as ServerMessage
    if (message.type === 'ready') {
      this.ready = true
      this.wait = FIRST_WAIT_MS
      this.handlers.connected('open')
    }
    this.handlers.message(message)
  }

  private lost(code: number): void {
    this.ready = false
    if (this.closed) return
    if (FINAL.has(code)) return this.handlers.ended(code)
    this.handlers.connected('lost')
    this.timer = setTimeout(() => this.connect(), this.wait)
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS)
  }
}
