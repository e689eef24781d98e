/** Client events and sounds that many tests send. */
import type { Received } from './conversation.ts'

const pcmRate = 24_000

/** A user item with a text. */
export function userText(text: string, fields: object = {}): object {
  const content = [{ type: 'input_text', text }]
  return { type: 'conversation.item.create', item: { type: 'message', role: 'user', content, ...fields } }
}

/** Asks for a response. */
export function respond(response: object = {}): object {
  return { type: 'response.create', response }
}

/** Changes a session. */
export function update(session: object): object {
  return { type: 'session.update', session: { type: 'realtime', ...session } }
}

/** Turns off turn detection. */
export function byHand(session: object = {}): object {
  return update({ ...session, audio: { input: { turn_detection: null } } })
}

export const textOnly = { output_modalities: ['text'] }

/** Sends audio. */
export function append(audio: Buffer): object {
  return { type: 'input_audio_buffer.append', audio: audio.toString('base64') }
}

/** A tone as 24 kHz PCM. */
export function tone(ms: number, frequency = 220): Buffer {
  const samples = new Int16Array((ms * pcmRate) / 1000)
  for (let index = 0; index < samples.length; index++) {
    samples[index] = Math.round(8000 * Math.sin((2 * Math.PI * frequency * index) / pcmRate))
  }
  return Buffer.from(samples.buffer)
}

/** Silence as 24 kHz PCM. */
export function silence(ms: number): Buffer {
  return Buffer.alloc((ms * pcmRate * 2) / 1000)
}

/** Event types with runs of the same type written once. */
export function order(events: readonly Received[]): string[] {
  return events.map(event => event.type).filter((type, index, types) => type !== types[index - 1])
}

export const weatherTool = {
  type: 'function',
  name: 'get_weather',
  description: 'Tells the weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
