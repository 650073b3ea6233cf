import vue from '@vitejs/plugin-vue'
import vuetify from 'vite-plugin-vuetify'
import { defineConfig } from 'vite'

// For `vite dev`: DISPATCH_URL is a running server.
const server = process.env.DISPATCH_URL ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [vue(), vuetify({ autoImport: true })],
  // No inlined data: URIs for scripts or styles: the Content-Security-Policy has no exception for them.
  build: { target: 'es2022', assetsInlineLimit: 0, cssCodeSplit: true, chunkSizeWarningLimit: 700, modulePreload: { polyfill: false } },
  worker: { format: 'es' },
  server: { proxy: { '/api': server } },
})
