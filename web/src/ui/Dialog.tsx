import type { ComponentChildren, JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'

/** The browser's own modal dialog: it keeps the focus inside and Escape closes it. */
export function Dialog({ title, wide, children }: { title: string; wide?: boolean; children: ComponentChildren }): JSX.Element {
  const { store } = useApp()
  const dialog = useRef<HTMLDialogElement>(null)
  const open = useRef(true)
  const close = (): void => {
    // the browser tells of its closing a moment later, when the same dialog may be open again
    if (open.current) store.panel.value = null
    open.current = false
  }
  // before the next key comes, not after the next frame: what is typed right away belongs to the dialog
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    return () => {
      open.current = false
      before?.focus()
    }
  }, [])
  return (
    <dialog ref={dialog} class={wide ? 'wide' : ''} aria-labelledby="dialog-title" onClose={close}
      // at once, so that the next key is the page's; a file chooser's cancel comes by here too
      onCancel={(e) => e.target === dialog.current && close()}
      onClick={(e) => e.target === dialog.current && close()}>
      <div class="dialog-head">
        <h2 id="dialog-title">{title}</h2>
        <button class="icon-button" aria-label={t('dialog.close')} title={t('dialog.close')} onClick={close}><Icon name="close" /></button>
      </div>
      <div class="dialog-body">{children}</div>
    </dialog>
  )
}
