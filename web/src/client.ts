/** The name by which the server knows this tab. It survives a reload, but a duplicated tab gets a name of its own. */

import type { Keep } from './state/ports'

const ANSWER_MS = 60

export async function onlyClient(session: Keep): Promise<string> {
  const channel = new BroadcastChannel('clickmask-clients')
  const known = session.get('client')
  const client = known && !(await isTaken(channel, known)) ? known : fresh()
  session.set('client', client)
  channel.onmessage = (event: MessageEvent<string>) => {
    if (event.data === `ask ${client}`) channel.postMessage(`taken ${client}`)
  }
  return client
}

function isTaken(channel: BroadcastChannel, client: string): Promise<boolean> {
  return new Promise((resolve) => {
    channel.onmessage = (event: MessageEvent<string>) => event.data === `taken ${client}` && resolve(true)
    channel.postMessage(`ask ${client}`)
    setTimeout(() => resolve(false), ANSWER_MS)
  })
}

function fresh(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')
}
