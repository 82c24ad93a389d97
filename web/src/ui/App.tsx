import type { JSX } from 'preact'
import { t } from '../state/strings'
import { useApp } from './app'
import { Classes } from './Classes'
import { CompareDialog } from './Compare'
import { Help } from './Help'
import { HintBar } from './HintBar'
import { History } from './History'
import { Objects } from './Objects'
import { Palette } from './Palette'
import { SettingsDialog } from './Settings'
import { StageView } from './StageView'
import { StatisticsDialog } from './Statistics'
import { StatusBar } from './StatusBar'
import { Strip } from './Strip'
import { TeachDialog } from './Teach'
import { ToolRail } from './ToolRail'
import { TopBar } from './TopBar'
import { ExportDialog, ImportDialog } from './Transfer'

export function App({ slow }: { slow: () => boolean }): JSX.Element {
  const { store } = useApp()
  const panel = store.panel.value
  const strip = store.stripShown.value && store.images.value.length > 1
  return (
    <div class={`frame ${store.sideShown.value ? '' : 'no-side'}`}>
      <TopBar />
      <ToolRail />
      <StageView />
      {store.sideShown.value && <aside class="side" aria-label={t('side')}><Classes /><Objects /><History /></aside>}
      <div class="foot">
        <HintBar />
        {strip && <Strip />}
        <StatusBar slow={slow()} />
      </div>
      {panel === 'help' && <Help />}
      {panel === 'settings' && <SettingsDialog />}
      {panel === 'palette' && <Palette />}
      {panel === 'statistics' && <StatisticsDialog />}
      {panel === 'teach' && <TeachDialog />}
      {panel === 'compare' && <CompareDialog />}
      {panel === 'export' && <ExportDialog />}
      {panel === 'import' && <ImportDialog />}
      <p class="unseen" aria-live="polite" data-testid="live">{store.announcement.value}</p>
    </div>
  )
}
