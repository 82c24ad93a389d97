/** Which rows of a long list are in sight, so that only those exist. */

import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'

const SPARE = 12

export interface Shown {
  readonly from: number
  readonly to: number
  look(): void
}

/** Rows of `height` pixels inside a scrolling element, with some to spare on either side. */
export function useWindow(list: RefObject<HTMLElement | null>, count: number, height: number): Shown {
  const from = useSignal(0)
  const to = useSignal(60)
  const look = (): void => {
    if (!list.current) return
    const { scrollTop, clientHeight } = list.current
    from.value = Math.max(0, Math.floor(scrollTop / height) - SPARE)
    to.value = Math.ceil((scrollTop + clientHeight) / height) + SPARE
  }
  useEffect(() => {
    if (!list.current) return
    look()
    const observer = new ResizeObserver(look)
    observer.observe(list.current)
    return () => observer.disconnect()
  }, [count === 0])
  return { from: Math.min(from.value, count), to: Math.min(to.value, count), look }
}
