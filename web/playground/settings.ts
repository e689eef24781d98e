/** The form of session settings: makes a `session.update` of what the person chose. */
import { part } from '../page/page.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'

/** What happens with the event that the form makes. */
export interface SettingsListeners {
  /** Writes down what is said; undefined: none is known. */
  transcriptionModel: string | undefined
  onApply(event: RealtimeEvent): void
  onCompose(event: RealtimeEvent): void
}

/** What the form is set to. */
export interface Settings {
  session(): object
}

/** Joins the form. */
export function createSettings({ transcriptionModel, onApply, onCompose }: SettingsListeners): Settings {
  part('#settings-form', HTMLFormElement).onsubmit = event => {
    event.preventDefault()
    onApply(readSettings(transcriptionModel))
  }
  part('#settings-compose', HTMLButtonElement).onclick = () => onCompose(readSettings(transcriptionModel))
  return { session: () => readSettings(transcriptionModel).session }
}

/** `session.update` that leaves a turn's end to the server, or to the person. */
export function turnUpdate(detection: 'server_vad' | 'none'): RealtimeEvent {
  const turn_detection = detection === 'none' ? null : { type: detection }
  return { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection } } } }
}

function readSettings(transcriptionModel: string | undefined): RealtimeEvent & { session: object } {
  const value = (selector: string) => part(selector, HTMLInputElement).value.trim()
  const isWritten = part('#transcribe', HTMLInputElement).checked && transcriptionModel !== undefined
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
          transcription: isWritten ? { model: transcriptionModel } : null,
        },
        output: { voice: value('#voice') || 'alloy', speed: Number(value('#speed')) || 1 },
      },
    },
  }
}
