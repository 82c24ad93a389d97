/** Words to the person: toasts for the eyes, announcements for the ears. */

import type { Store } from './store'

const SHOWN = 4
let lastId = 0

export function toast(store: Store, tone: 'error' | 'note', text: string): void {
  const others = store.toasts.value.filter((one) => one.text !== text)
  store.toasts.value = [...others, { id: ++lastId, tone, text }].slice(-SHOWN)
}

export function dismiss(store: Store, id: number): void {
  store.toasts.value = store.toasts.value.filter((one) => one.id !== id)
}

export function announce(store: Store, text: string): void {
  store.announcement.value = text
}
