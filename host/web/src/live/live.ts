import { onScopeDispose, ref } from 'vue'
import type { OrganizationEvent } from '../api/types.ts'

export type LiveEvent = OrganizationEvent
type Listener = (event: LiveEvent | null) => void // null: something was missed, fetch everything again

export const connected = ref(true)

const listeners = new Set<Listener>()
let port: MessagePort | null = null
let lostTimer = 0
let wasLost = false

function receive(message: { kind: string; data?: LiveEvent }) {
  if (message.kind === 'event') listeners.forEach((listener) => listener(message.data ?? null))
  else if (message.kind === 'resync') listeners.forEach((listener) => listener(null))
  else if (message.kind === 'open') {
    clearTimeout(lostTimer)
    if (wasLost) listeners.forEach((listener) => listener(null))
    wasLost = false
    connected.value = true
  } else if (message.kind === 'lost') {
    wasLost = true
    clearTimeout(lostTimer)
    lostTimer = window.setTimeout(() => (connected.value = false), 2500) // a blink is not worth a banner
  }
}

export function startLive(organization: string) {
  if (port) {
    port.postMessage({ kind: 'listen', organization })
    return
  }
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'dispatch-live' })
  port = worker.port
  port.onmessage = ({ data }) => receive(data)
  port.start()
  port.postMessage({ kind: 'listen', organization })
  window.addEventListener('pagehide', () => port?.postMessage({ kind: 'bye' }))
  window.addEventListener('pageshow', (event: PageTransitionEvent) => event.persisted && port?.postMessage({ kind: 'listen', organization }))
}

/** Calls `listener` for every event while the component lives. */
export function useLive(listener: Listener) {
  listeners.add(listener)
  onScopeDispose(() => listeners.delete(listener))
}
