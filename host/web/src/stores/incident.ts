import { onMounted, ref } from 'vue'
import { api, ApiError, messageOf } from '../api/client.ts'
import type { Incident, Page } from '../api/types.ts'
import { useLive } from '../live/live.ts'
import { useSession } from './session.ts'

/** The incident with this name, kept fresh by the event stream. `changed` runs with each fresh copy. */
export function useIncident(name: () => string, changed: (incident: Incident) => void = () => {}) {
  const store = useSession()
  const incident = ref<Incident | null>(null)
  const error = ref('')
  const missing = ref(false)
  let id = 0

  async function load() {
    try {
      if (!id) {
        const filter = { and: [{ model: 'Incident', field: 'name', op: '==', value: name() }] }
        const page = await api.get<Page<{ id: number; name: string }>>(`/${store.slug}/incidents`, { filter, include: ['id', 'name'] })
        id = page.items.find((item) => item.name === name())?.id ?? 0
        missing.value = !id
        if (!id) return
      }
      incident.value = await api.get<Incident>(`/${store.slug}/incidents/${id}`)
      error.value = ''
      changed(incident.value)
    } catch (reason) {
      if (reason instanceof ApiError && (reason.status === 403 || reason.status === 404)) missing.value = true
      else error.value = messageOf(reason)
    }
  }
  onMounted(load)
  let timer = 0
  useLive((event) => {
    if (event && !(event.subject === 'incident' && event.id === id) && event.data.incident_id !== id) return
    clearTimeout(timer)
    timer = window.setTimeout(load, 150)
  })
  return { incident, error, missing, load }
}
