import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router.ts'
import { provideThemeSheet, vuetify } from './theme.ts'
import './style.css'

const app = createApp(App)
provideThemeSheet(app)
app.use(createPinia()).use(router).use(vuetify)
// Until the server has said who this is, the page says that it is loading (index.html), instead of nothing.
await router.isReady().catch(() => {})
app.mount('#app')
