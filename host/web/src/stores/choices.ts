import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '../api/client.ts'
import { inProject } from '../api/filter.ts'
import type { Named, Page, Project, Tag } from '../api/types.ts'

/** What forms offer to choose from, per project; fetched once, and again when it changed. */
export const useChoices = defineStore('choices', () => {
  const types = ref<Named[]>([])
  const priorities = ref<Named[]>([])
  const severities = ref<Named[]>([])
  const tags = ref<Tag[]>([])
  const projects = ref<Project[]>([])
  let key = ''

  async function load(slug: string, project: string | undefined, force = false) {
    const wanted = `${slug}/${project ?? ''}`
    if (!force && wanted === key) return
    const all = <T>(path: string, filter = inProject(project)) => api.get<Page<T>>(`/${slug}/${path}`, { itemsPerPage: -1, filter }).then((page) => page.items)
    const enabled = (items: Named[]) => items.filter((item) => item.enabled !== false)
    const [a, b, c, d, e] = await Promise.all([all<Named>('incident_types'), all<Named>('incident_priorities'), all<Named>('incident_severities'), all<Tag>('tags'), api.get<Page<Project>>(`/${slug}/projects`, { itemsPerPage: -1 })])
    types.value = enabled(a)
    priorities.value = enabled(b)
    severities.value = enabled(c)
    tags.value = d
    projects.value = e.items
    key = wanted
  }
  return { types, priorities, severities, tags, projects, load }
})
