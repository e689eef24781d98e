/** Speech on `/chat` as a client sends it, and as upstream is told of it. */
import type { Message, Talk } from '../gateway/converse.ts'

export const pushed = { type: 'talk', mode: 'push' }
export const opened = { type: 'talk', mode: 'open' }
export const end = { type: 'audio-end' }

/** A sound as `audio` messages of 100 ms, as a client sends it. */
export function audio(sound: Buffer): object[] {
  const chunkBytes = 4800
  return Array.from({ length: Math.ceil(sound.length / chunkBytes) }, (_, index) => ({
    type: 'audio',
    value: sound.subarray(index * chunkBytes, (index + 1) * chunkBytes).toString('base64'),
  }))
}

export function send(talk: Talk, ...messages: object[]): void {
  for (const message of messages) talk.send(message)
}

export const ready = ({ message }: Message) => message === 'Model ready'
export const interrupted = ({ message }: Message) => message === 'Response interrupted'
export const words = (messages: Message[]) =>
  messages
    .filter(({ type }) => type === 'transcript-delta')
    .map(({ value }) => value)
    .join('')
export const types = (messages: Message[]) =>
  messages.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])

/** How a GA `session.update` wants upstream to listen. */
export function inputOf(update: Message | undefined): object | undefined {
  return (update?.session as { audio: { input: object } } | undefined)?.audio.input
}
