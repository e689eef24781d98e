/** A talk for tests, and the messages that it gets. */
import type { ChatMessage, ChatRequest } from '../../runtime/core/wire.ts'
import { Talk } from '../../web/chat/talk.ts'

/** A talk whose line, voice and view write down what is asked of them. */
export function createTalk() {
  const sent: ChatRequest[] = []
  const shown: string[] = []
  const heard: string[] = []
  const line = { open: true, send: (request: ChatRequest) => sent.push(request) > 0, ready: () => line.open }
  const voice = {
    heardMs: undefined as number | undefined,
    unlock: () => {},
    beginAnswer: () => heard.push('begin'),
    push: (base64: string) => heard.push(base64),
    finishAnswer: () => heard.push('finish'),
    stop: () => {
      const { heardMs } = voice
      voice.heardMs = undefined
      return heardMs
    },
    playing: () => voice.heardMs !== undefined,
  }
  const asking = { again: () => {} }
  const talk = new Talk(line, voice, {
    question: (text, kept) => shown.push(`${kept ? 'kept' : 'question'} ${text}`),
    keptAreSent: () => shown.push('kept are sent'),
    spoken: () => shown.push('spoken'),
    heard: text => shown.push(`heard ${text}`),
    wordsAreLost: () => {},
    answerBegins: () => shown.push('answer'),
    answerGoesOn: () => shown.push('goes on'),
    text: value => shown.push(`text ${value}`),
    transcript: value => shown.push(`transcript ${value}`),
    partEnds: () => shown.push('part ends'),
    audio: bytes => shown.push(`${bytes} bytes`),
    answerEnds: (outcome, heardMs) =>
      shown.push(heardMs === undefined ? outcome : `${outcome} at ${heardMs}`),
    problem: (message, _, askAgain) => {
      shown.push(`problem ${message}`)
      asking.again = askAgain ?? (() => {})
    },
    tool: ({ name, status }) => shown.push(`tool ${name} ${status}`),
    panel: name => shown.push(`panel ${name}`),
    unanswered: askAgain => {
      shown.push(askAgain ? 'unanswered' : 'say it again')
      asking.again = askAgain ?? (() => {})
    },
    turn: () => {},
  })
  const receive = (...messages: ChatMessage[]) => {
    for (const message of messages) talk.receive(message)
  }
  return { talk, line, voice, sent, shown, heard, asking, receive }
}

export const reset: ChatMessage = { type: 'text-reset' }
export const ready: ChatMessage = { type: 'status', message: 'Model ready' }
export const partEnd: ChatMessage = { type: 'status', message: 'Response complete' }
export const interrupted: ChatMessage = { type: 'status', message: 'Response interrupted' }
export const said = (value: string): ChatMessage => ({ type: 'transcript-delta', value })
export const sound = (value: string): ChatMessage => ({ type: 'audio-chunk', value, bytes: 4 })
