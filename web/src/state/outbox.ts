/** Commands that the server has not acknowledged yet. They are sent again, with their numbers, after a reconnection. */

import type { CommandBody, SentCommand } from './wire'

export class Outbox {
  private seq = 0
  private waiting: SentCommand[] = []

  /** Takes up what an earlier page of this session left unacknowledged. */
  constructor(left: readonly SentCommand[] = []) {
    this.waiting = [...left]
    this.seq = left.reduce((seq, c) => Math.max(seq, c.seq), 0)
  }

  /** Numbers a command and keeps it until it is acknowledged or refused. */
  add(body: CommandBody, rev: number): SentCommand {
    const command = { ...body, seq: ++this.seq, rev } as SentCommand
    this.waiting.push(command)
    return command
  }

  /** The server has stored or refused this command; false if it was not waiting. */
  settle(seq: number): boolean {
    const before = this.waiting.length
    this.waiting = this.waiting.filter((c) => c.seq !== seq)
    return this.waiting.length < before
  }

  /** After `ready`: forgets what is stored, counts on from there, and gives what has to be sent again. */
  resume(lastSeq: number): readonly SentCommand[] {
    this.waiting = this.waiting.filter((c) => c.seq > lastSeq)
    this.seq = Math.max(this.seq, lastSeq)
    return this.waiting
  }

  get pending(): readonly SentCommand[] {
    return this.waiting
  }
}
