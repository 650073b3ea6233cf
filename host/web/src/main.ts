import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router.ts'
import { provideThemeSheet, vuetify } from './theme.ts'
import './style.css'

const app = createApp(App)
provideThemeSheet(app)
app.use(createPinia()).use(router).use(vuetify).mount('#app')
