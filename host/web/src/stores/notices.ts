import { defineStore } from 'pinia'
import { ref } from 'vue'
import { messageOf } from '../api/client.ts'

export const useNotices = defineStore('notices', () => {
  const text = ref('')
  const color = ref('')
  const open = ref(false)
  function say(message: string, kind = '') {
    text.value = message
    color.value = kind
    open.value = true
  }
  return { text, color, open, say, fail: (error: unknown) => say(messageOf(error), 'error') }
})
