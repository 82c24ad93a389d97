import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { dismiss } from '../state/notices'
import type { Toast } from '../state/store'
import { t } from '../state/strings'
import { useApp } from './app'
import { Icon } from './icons'

const NOTE_MS = 6000

export function Toasts(): JSX.Element {
  const { store } = useApp()
  return (
    <div class="toasts" role="log" aria-live="assertive">
      {store.toasts.value.map((toast) => <OneToast key={toast.id} toast={toast} />)}
    </div>
  )
}

function OneToast({ toast }: { toast: Toast }): JSX.Element {
  const { store } = useApp()
  useEffect(() => {
    // An error stays until it is read; a note goes by itself.
    if (toast.tone === 'error') return
    const timer = setTimeout(() => dismiss(store, toast.id), NOTE_MS)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div class={`toast ${toast.tone}`}>
      <Icon name={toast.tone === 'error' ? 'warning' : 'help'} />
      <p>{toast.text}</p>
      <button class="icon-button small" aria-label={t('toast.dismiss')} title={t('toast.dismiss')} onClick={() => dismiss(store, toast.id)}>
        <Icon name="close" size={16} />
      </button>
    </div>
  )
}
