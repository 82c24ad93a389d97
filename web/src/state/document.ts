/** The objects of the open image, as an immutable value; every message of the server makes a new one. */

import type { Ack, Changed, History, ObjectInfo, Ready } from './wire'

export interface Document {
  /** The greatest revision seen; sent with every command. */
  readonly rev: number
  /** Bottom first. */
  readonly objects: readonly ObjectInfo[]
  readonly active: number | null
  readonly history: History
}

export const EMPTY_DOCUMENT: Document = { rev: 0, objects: [], active: null, history: { undo: null, redo: null } }

export function opened(message: Ready): Document {
  const { rev, active, history } = message
  return { rev, active, history, objects: inOrder(message.objects) }
}

/** The document after an own command (`ack`) or somebody else's (`changed`). */
export function applied(document: Document, message: Ack | Changed): Document {
  const objects = merge(document.objects, message.objects, message.removed)
  const active = message.type === 'ack' ? message.active : document.active
  return {
    rev: Math.max(document.rev, message.rev),
    objects,
    active: objects.some((o) => o.id === active && o.state === 'in_progress') ? active : null,
    history: message.history,
  }
}

/** The document with one object's newest description. */
export function settled(document: Document, object: ObjectInfo): Document {
  if (!document.objects.some((o) => o.id === object.id)) return document
  return { ...document, objects: merge(document.objects, [object], []) }
}

export function objectOf(document: Document, id: number | null): ObjectInfo | null {
  return document.objects.find((o) => o.id === id) ?? null
}

function merge(old: readonly ObjectInfo[], changed: readonly ObjectInfo[], removed: readonly number[]): ObjectInfo[] {
  const replaced = new Set([...changed.map((o) => o.id), ...removed])
  const gone = new Set(removed)
  return inOrder([...old.filter((o) => !replaced.has(o.id)), ...changed.filter((o) => !gone.has(o.id))])
}

function inOrder(objects: readonly ObjectInfo[]): ObjectInfo[] {
  return [...objects].sort((a, b) => a.z - b.z || a.id - b.id)
}
