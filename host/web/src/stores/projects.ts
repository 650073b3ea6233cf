import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '../api/client.ts'
import type { Page, Project } from '../api/types.ts'
import { useSession } from './session.ts'

/** The project whose settings are looked at: chosen once, it holds on all settings pages. */
export const useProjects = defineStore('projects', () => {
  const session = useSession()
  const projects = ref<Project[]>([])
  const name = ref('')

  async function load() {
    projects.value = (await api.get<Page<Project>>(`/${session.slug}/projects`, { itemsPerPage: -1, sortBy: ['name'], descending: [false] })).items
    if (projects.value.some((item) => item.name === name.value)) return
    const usual = projects.value.find((item) => item.name === session.project?.name) ?? projects.value.find((item) => item.default)
    name.value = (usual ?? projects.value[0])?.name ?? ''
  }
  return { projects, name, load }
})
