/** What the person sends into the call: messages, instructions, a stop. */
import { part } from '../page/page.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'

/** Where it goes. Each returns false where it could not be sent. */
export interface FormListeners {
  byControl(command: RealtimeEvent): boolean
  byChannel(event: RealtimeEvent): boolean
}

/** Joins the forms of the page. */
export function createForms({ byControl, byChannel }: FormListeners) {
  const say = part('#say', HTMLInputElement)
  const instructions = part('#instructions', HTMLTextAreaElement)
  const open = { control: false, channel: false }
  let changed = false

  const showSend = () => {
    part('#say-send', HTMLButtonElement).disabled = !open[way()]
    part('#instructions-send', HTMLButtonElement).disabled = !open.control
    part('#stop-answer', HTMLButtonElement).disabled = !open.channel
  }
  for (const choice of document.querySelectorAll<HTMLInputElement>('[name=by]')) choice.onchange = showSend
  part('#say-form', HTMLFormElement).onsubmit = event => {
    event.preventDefault()
    const text = say.value.trim()
    if (text === '') return
    const sent =
      way() === 'control' ? byControl({ type: 'send_message', text }) : sayByChannel(byChannel, text)
    if (sent) say.value = ''
  }
  part('#instructions-form', HTMLFormElement).onsubmit = event => {
    event.preventDefault()
    byControl({ type: 'update_instructions', instructions: instructions.value })
  }
  instructions.oninput = () => {
    changed = true
  }
  part('#stop-answer', HTMLButtonElement).onclick = () => stopAnswer(byChannel)

  return {
    /** What the person wrote before the call; '' leaves the gateway's own. */
    instructions: () => (changed ? instructions.value : ''),
    enable: (lane: 'control' | 'channel', on: boolean) => {
      open[lane] = on
      showSend()
    },
  }
}

function way(): 'control' | 'channel' {
  return part('[name=by][value=channel]', HTMLInputElement).checked ? 'channel' : 'control'
}

function sayByChannel(byChannel: FormListeners['byChannel'], text: string): boolean {
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
  return byChannel({ type: 'conversation.item.create', item }) && byChannel({ type: 'response.create' })
}

/** The answer ends, and what of its sound is on the way is not played. */
function stopAnswer(byChannel: FormListeners['byChannel']): void {
  byChannel({ type: 'response.cancel' })
  byChannel({ type: 'output_audio_buffer.clear' })
}
