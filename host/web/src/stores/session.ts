import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, ApiError, setCsrfToken } from '../api/client.ts'
import type { Role, Session } from '../api/types.ts'

const power: Record<Role, number> = { Member: 0, Admin: 1, Manager: 2, Owner: 3 }

export const useSession = defineStore('session', () => {
  const session = ref<Session | null>(null)
  const loaded = ref(false)
  const slug = computed(() => session.value?.organization.slug ?? 'default')
  const isAdmin = computed(() => (session.value ? power[session.value.role] >= power.Admin : false))
  const project = computed(() => session.value?.projects.find((entry) => entry.default)?.project ?? session.value?.projects[0]?.project ?? null)

  async function load(organization: string) {
    try {
      session.value = await api.get<Session>(`/${organization}/auth/session`)
      setCsrfToken(session.value.csrf_token)
    } catch (error) {
      if (!(error instanceof ApiError) || ![401, 403, 404].includes(error.status)) throw error
      session.value = null
    }
    loaded.value = true
  }
  async function logout() {
    await api.post(`/${slug.value}/auth/logout`)
    session.value = null
    setCsrfToken('')
  }
  const roleAtLeast = (role: Role) => (session.value ? power[session.value.role] >= power[role] : false)
  return { session, loaded, slug, isAdmin, project, load, logout, roleAtLeast }
})
