import { defineStore } from 'pinia'
import { ref } from 'vue'
import { messageOf } from '../api/client.ts'

export const useNotices = defineStore('notices', () => {
  const text = ref('')
  const color = ref('')
  const open = ref(false)
  const turn = ref(0) // a new message has its own time, however much of the last one's is left
  function say(message: string, kind = '') {
    text.value = message
    color.value = kind
    open.value = true
    turn.value++
  }
  return { text, color, open, turn, say, fail: (error: unknown) => say(messageOf(error), 'error') }
})
