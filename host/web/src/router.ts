import { createRouter, createWebHistory } from 'vue-router'
import { whenUnauthorized } from './api/client.ts'
import { startLive } from './live/live.ts'
import { useNotices } from './stores/notices.ts'
import { useSession } from './stores/session.ts'
import { strings } from './strings.ts'

const settings = (path: string, name: string) => ({
  path: `settings/projects/${path}`, name, component: () => import('./pages/settings/Resource.vue'), props: { name }, meta: { admin: true },
})

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/', redirect: '/default/incidents' },
    { path: '/:organization/auth/login', name: 'login', component: () => import('./pages/Login.vue'), props: { action: 'login' }, meta: { open: true } },
    { path: '/:organization/auth/register', name: 'register', component: () => import('./pages/Login.vue'), props: { action: 'register' }, meta: { open: true } },
    { path: '/:organization/auth/link', name: 'link', component: () => import('./pages/LoginLink.vue'), meta: { open: true } },
    {
      path: '/:organization',
      component: () => import('./components/AppFrame.vue'),
      children: [
        { path: '', redirect: (to) => `/${to.params.organization as string}/incidents` },
        { path: 'incidents', name: 'incidents', component: () => import('./pages/Incidents.vue') },
        { path: 'incidents/report', name: 'report', component: () => import('./pages/Report.vue') },
        { path: 'incidents/report/:name', name: 'receipt', component: () => import('./pages/Receipt.vue'), props: true },
        { path: 'incidents/status', name: 'status', component: () => import('./pages/Status.vue') },
        { path: 'incidents/:name/:tab?', name: 'incident', component: () => import('./pages/Incident.vue'), props: true },
        { path: 'account', name: 'account', component: () => import('./pages/Account.vue') },
        { path: 'settings/members', name: 'members', component: () => import('./pages/settings/Members.vue'), meta: { admin: true } },
        { path: 'settings/projects/plugins', name: 'plugins', component: () => import('./pages/settings/Plugins.vue'), meta: { admin: true } },
        settings('incidentTypes', 'types'),
        settings('incidentPriorities', 'priorities'),
        settings('incidentSeverities', 'severities'),
        settings('tags', 'tags'),
        settings('tagTypes', 'tagTypes'),
        settings('notifications', 'notifications'),
        settings('workflows', 'workflows'),
        settings('documents', 'documents'),
        { path: 'settings/projects/policies', name: 'policies', component: () => import('./pages/settings/Policies.vue'), meta: { admin: true } },
        settings('teams', 'teams'),
        settings('services', 'services'),
        { ...settings('', 'projects'), path: 'settings/projects' },
        { path: ':rest(.*)*', name: 'lost', component: () => import('./pages/NotFound.vue') },
      ],
    },
    { path: '/:rest(.*)*', component: () => import('./pages/NotFound.vue'), meta: { open: true } },
  ],
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const store = useSession()
  const organization = String(to.params.organization ?? 'default')
  if (!store.session || store.slug !== organization) {
    try {
      await store.load(organization)
    } catch {
      store.loaded = true // the page shows that the server is away
    }
  }
  if (!store.session && store.loaded) return { name: 'login', params: { organization }, query: to.fullPath === '/default/incidents' ? {} : { next: to.fullPath } }
  startLive(organization)
  return true
})

whenUnauthorized(() => {
  const route = router.currentRoute.value
  if (route.meta.open) return
  useSession().session = null
  void router.push({ name: 'login', params: { organization: route.params.organization ?? 'default' }, query: { next: route.fullPath } })
})

// A page's chunks do not come: the server is away (say so, and stay where nothing is lost), or it was upgraded while the page was
// open and has them no more (fetch the new page).
router.onError(async (error, to) => {
  const there = await fetch('/livez').then((answer) => answer.ok, () => false)
  if (!there) useNotices().fail(strings.errors.pageOffline)
  else if (/dynamically imported module|Importing a module|preload CSS/i.test(String(error))) location.assign(to.fullPath)
  else useNotices().fail(strings.errors.page(String(error)))
})
