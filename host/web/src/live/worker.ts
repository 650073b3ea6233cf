// One event stream per browser: six of them would use up its connections to one origin on HTTP/1.1, and the seventh tab
// would hang. Every tab holds a port to this shared worker; the worker holds the stream.
interface SharedWorkerScope { onconnect: ((event: MessageEvent) => void) | null }

const ports = new Set<MessagePort>()
let source: EventSource | null = null
let current = ''

function tell(message: unknown) {
  for (const port of ports) port.postMessage(message)
}

function open(organization: string) {
  if (source && current === organization && source.readyState !== EventSource.CLOSED) return
  source?.close()
  current = organization
  source = new EventSource(`/api/v1/${organization}/event-stream`)
  source.onopen = () => tell({ kind: 'open' })
  source.onerror = () => {
    tell({ kind: 'lost' })
    // CLOSED: refused (logged out, server restarting behind a proxy). The browser will not try again by itself.
    if (source?.readyState === EventSource.CLOSED) setTimeout(() => ports.size && open(current), 5000)
  }
  source.onmessage = (event) => tell({ kind: 'event', data: JSON.parse(event.data) })
  source.addEventListener('resync', () => tell({ kind: 'resync' }))
}

;(self as unknown as SharedWorkerScope).onconnect = (event) => {
  const port = event.ports[0]
  ports.add(port)
  port.onmessage = ({ data }) => {
    if (data.kind === 'listen') {
      open(data.organization)
      port.postMessage({ kind: source?.readyState === EventSource.OPEN ? 'open' : 'lost' })
    } else if (data.kind === 'bye') {
      ports.delete(port)
      if (ports.size === 0) {
        source?.close()
        source = null
      }
    }
  }
}
