/**
 * The Vercel AI SDK's realtime model, over the socket that its browser session opens: an ephemeral key, then
 * `wss:` with the key as a subprotocol. Its session class itself needs a browser's audio.
 */
import { createOpenAI } from '@ai-sdk/openai'
import { experimental_streamTranscribe as streamTranscribe } from 'ai'
import {
  apiKey,
  createInbox,
  expect,
  gateway,
  holdTalks,
  speech,
  speechBase64,
  weatherParameters,
} from './stage.mjs'

const openai = createOpenAI({ apiKey, baseURL: `${gateway}/v1` })

async function open(config) {
  const model = openai.experimental_realtime('gpt-realtime', { api: 'realtime' })
  const { token, url } = await openai.experimental_realtime.getToken({
    model: 'gpt-realtime',
    api: 'realtime',
    sessionConfig: config,
  })
  const { url: address, protocols } = model.getWebSocketConfig({ token, url })
  const socket = new WebSocket(address, protocols)
  const inbox = createInbox()
  socket.addEventListener('message', ({ data }) => {
    const read = model.parseServerEvent(JSON.parse(data))
    for (const event of Array.isArray(read) ? read : [read])
      inbox.put(event.type === 'error' ? { ...event, error: event } : event)
  })
  socket.addEventListener('error', () => inbox.put({ type: 'error', error: 'the socket failed' }))
  const send = event => socket.send(JSON.stringify(model.serializeClientEvent(event)))
  await inbox.next('session-created')
  send({ type: 'session-update', config })
  await inbox.next('session-updated')
  const say = text => {
    send({ type: 'conversation-item-create', item: { type: 'text-message', role: 'user', text } })
    send({ type: 'response-create' })
  }
  return { socket, send, say, next: inbox.next }
}

await holdTalks({
  async text() {
    const { socket, say, next } = await open({ outputModalities: ['text'] })
    say('hello there')
    const { text } = await next('text-done')
    expect(text === 'You said: hello there', `the answer, not ${text}`)
    await next('response-done')
    socket.close()
  },
  async voice() {
    const { socket, send, next } = await open({
      inputAudioTranscription: {},
      turnDetection: { type: 'server-vad' },
    })
    send({ type: 'input-audio-append', audio: speechBase64() })
    await next('speech-stopped')
    const { delta } = await next('audio-delta')
    expect(delta.length > 1000, 'audio')
    const { transcript } = await next('audio-transcript-done')
    expect(transcript.startsWith('I heard you speak'), `the transcript, not ${transcript}`)
    socket.close()
  },
  async tool() {
    const tool = {
      type: 'function',
      name: 'get_weather',
      description: 'Tells it',
      parameters: weatherParameters,
    }
    const { socket, send, say, next } = await open({ outputModalities: ['text'], tools: [tool] })
    say('weather in Oslo')
    const call = await next('function-call-arguments-done')
    expect(call.name === 'get_weather', `the name, not ${call.name}`)
    expect(JSON.parse(call.arguments).city === 'Oslo', `Oslo, not ${call.arguments}`)
    await next('response-done')
    const item = { type: 'function-call-output', callId: call.callId, output: 'snow' }
    send({ type: 'conversation-item-create', item })
    send({ type: 'response-create' })
    const { text } = await next('text-done')
    expect(text === 'The tool answered: snow', `the tool's output, not ${text}`)
    socket.close()
  },
  async interruption() {
    const { socket, send, say, next } = await open({})
    say('count to 500')
    const { itemId } = await next('audio-delta')
    send({ type: 'response-cancel' })
    const { status } = await next('response-done')
    expect(status === 'cancelled', `a cancelled response, not ${status}`)
    send({ type: 'conversation-item-truncate', itemId, contentIndex: 0, audioEndMs: 20 })
    say('are you there')
    const { transcript } = await next('audio-transcript-done')
    expect(transcript === 'You said: are you there', `the answer, not ${transcript}`)
    socket.close()
  },
  async error() {
    const { socket, send, next } = await open({})
    send({ type: 'response-cancel' })
    const { code } = await next('error')
    expect(code === 'response_cancel_not_active', `the code, not ${code}`)
    socket.close()
  },
  async transcription() {
    const bytes = new Uint8Array(speech().buffer)
    const audio = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 4800) controller.enqueue(bytes.slice(at, at + 4800))
        controller.close()
      },
    })
    const { text } = streamTranscribe({
      model: openai.transcription('gpt-live-transcribe'),
      audio,
      inputAudioFormat: { type: 'audio/pcm', rate: 24_000 },
    })
    expect((await text).length > 0, 'a transcript')
  },
})
