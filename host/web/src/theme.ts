import type { App } from 'vue'
import { createVuetify } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'
import 'vuetify/styles'

const remembered = localStorage.getItem('theme')

/**
 * Vuetify writes its theme through a head manager if the app provides one. Ours adopts a constructed stylesheet: the
 * Content-Security-Policy forbids inline <style> elements, and needs no exception for this.
 */
export function provideThemeSheet(app: App) {
  const sheet = new CSSStyleSheet()
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  const write = (head: () => { style: { textContent: string }[] }) => sheet.replaceSync(head().style[0].textContent)
  app.provide('usehead', {
    push(head: () => { style: { textContent: string }[] }) {
      write(head)
      return { patch: write }
    },
  })
}

export const vuetify = createVuetify({
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  theme: {
    defaultTheme: remembered === 'light' || remembered === 'dark' ? remembered : 'system',
    themes: {
      light: {
        dark: false,
        colors: {
          background: '#f5f6f8', surface: '#ffffff', 'surface-light': '#eef0f4', primary: '#2456a6', secondary: '#4b5b70',
          accent: '#c2352b', error: '#b3261e', warning: '#9a5b00', success: '#1b7a43', info: '#1f6f9f',
        },
      },
      dark: {
        dark: true,
        colors: {
          background: '#10151b', surface: '#182029', 'surface-light': '#212b36', primary: '#86b4ff', secondary: '#a5b4c6',
          accent: '#ff8a7d', error: '#ff8a80', warning: '#ffc069', success: '#6fd79a', info: '#7cc7ef',
        },
      },
    },
  },
  defaults: {
    VBtn: { rounded: 'lg', style: 'text-transform: none; letter-spacing: 0' },
    VCard: { rounded: 'lg', border: true, flat: true },
    VTextField: { variant: 'outlined', density: 'comfortable' },
    VTextarea: { variant: 'outlined', density: 'comfortable' },
    VSelect: { variant: 'outlined', density: 'comfortable' },
    VAutocomplete: { variant: 'outlined', density: 'comfortable' },
    VCombobox: { variant: 'outlined', density: 'comfortable' },
    VSwitch: { color: 'primary', density: 'comfortable', inset: true },
    VChip: { rounded: 'md' },
    VAlert: { variant: 'tonal', rounded: 'lg' },
  },
})
