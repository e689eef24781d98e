/** The form of session settings: makes a `session.update` of what the person chose. */
import { part } from '../page/page.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'

const transcriptionModel = 'gpt-4o-mini-transcribe'

/** What happens with the event that the form makes. */
export interface SettingsListeners {
  onApply(event: RealtimeEvent): void
  onCompose(event: RealtimeEvent): void
}

/** Joins the form. */
export function createSettings({ onApply, onCompose }: SettingsListeners): void {
  part('#settings-form', HTMLFormElement).onsubmit = event => {
    event.preventDefault()
    onApply(readSettings())
  }
  part('#settings-compose', HTMLButtonElement).onclick = () => onCompose(readSettings())
}

/** `session.update` that leaves a turn's end to the server, or to the person. */
export function turnUpdate(detection: 'server_vad' | 'none'): RealtimeEvent {
  const turn_detection = detection === 'none' ? null : { type: detection }
  return { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection } } } }
}

function readSettings(): RealtimeEvent {
  const value = (selector: string) => part(selector, HTMLInputElement).value.trim()
  const detection = part('#detection', HTMLSelectElement).value
  const instructions = part('#session-instructions', HTMLTextAreaElement).value.trim()
  const modality = part('#modality', HTMLSelectElement).value
  return {
    type: 'session.update',
    session: {
      type: 'realtime',
      output_modalities: [modality],
      ...(instructions && { instructions }),
      max_output_tokens: value('#tokens') === '' ? 'inf' : Number(value('#tokens')),
      audio: {
        input: {
          turn_detection: detection === 'none' ? null : { type: detection },
          transcription: part('#transcribe', HTMLInputElement).checked ? { model: transcriptionModel } : null,
        },
        output: { voice: value('#voice') || 'alloy', speed: Number(value('#speed')) || 1 },
      },
    },
  }
}
