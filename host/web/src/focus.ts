import { nextTick, type Directive } from 'vue'

/** Puts the cursor into a field when it appears, unless somebody is typing elsewhere already. Vuetify's own `autofocus` does it when
 *  the field is first seen, which on a slow machine takes the cursor away in the middle of a word. */
export const vFocus: Directive<HTMLElement> = {
  mounted(element) {
    if (document.activeElement?.matches('input, textarea, [contenteditable]')) return
    element.querySelector<HTMLElement>('input, textarea')?.focus()
  },
}

/** Brings the first element that matches into view after the next update: an answer below the fold of a dialog is not seen. */
export async function reveal(selector: string) {
  await nextTick()
  document.querySelector(selector)?.scrollIntoView({ block: 'nearest' })
}

/** Back to where a question was asked, once it is answered: its own buttons are gone, and with them the keyboard's place. */
export async function refocus(selector: string) {
  await nextTick()
  document.querySelector<HTMLElement>(selector)?.focus()
}
