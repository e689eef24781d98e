/** The agents SDK for Node, with its defaults, over WebSocket. */
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime'
import { z } from 'zod'
import {
  apiKey,
  createWatch,
  expect,
  expectHiddenCalls,
  gatewaySocket,
  holdTalks,
  note,
  order,
  speech,
} from './stage.mjs'

async function open(query = '') {
  const asked = []
  const weather = tool({
    name: 'get_weather',
    description: 'Tells the weather',
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city)
      return `sunny in ${city}`
    },
  })
  const agent = new RealtimeAgent({ name: 'helper', instructions: 'Be brief.', tools: [weather] })
  const transport = new OpenAIRealtimeWebSocket({
    url: `${gatewaySocket}/v1/realtime?model=gpt-realtime-2.1${query}`,
  })
  const session = new RealtimeSession(agent, { transport })
  const watch = createWatch()
  const errors = []
  const events = []
  const counts = new Map()
  session.on('error', ({ error }) => {
    errors.push(error)
    watch.poke()
  })
  session.on('transport_event', event => {
    const { type } = event
    events.push(event)
    note(type)
    counts.set(type, (counts.get(type) ?? 0) + 1)
    watch.poke()
  })
  session.on('history_updated', watch.poke)
  await session.connect({ apiKey })
  return {
    session,
    asked,
    errors,
    events,
    seen: (type, times = 1) => watch.until(() => (counts.get(type) ?? 0) >= times),
    said: words => watch.until(() => session.history.some(item => isAnswer(item, words))),
    failed: () => watch.until(() => errors.length > 0),
  }
}

function isAnswer(item, words) {
  return (
    item.role === 'assistant' &&
    item.status === 'completed' &&
    item.content.some(part => (part.transcript ?? part.text ?? '').includes(words))
  )
}

const noError = errors => expect(errors.length === 0, `no error, not ${JSON.stringify(errors)}`)

await holdTalks({
  async text() {
    const { session, said, errors } = await open()
    session.sendMessage('hello there')
    await said('You said: hello there')
    noError(errors)
    session.close()
  },
  async voice() {
    const { session, said, errors, seen } = await open()
    const heard = []
    session.on('audio', ({ data }) => heard.push(data))
    session.sendAudio(speech(1000, 3000).buffer)
    await said('I heard you speak')
    expect(heard.length > 0, 'audio')
    await seen('conversation.item.input_audio_transcription.completed')
    noError(errors)
    session.close()
  },
  async tool() {
    const { session, said, errors, asked } = await open()
    session.sendMessage('what is the weather in Bergen')
    await said('sunny in Bergen')
    expect(asked.join() === 'Bergen', `one call, not ${asked}`)
    noError(errors)
    session.close()
  },
  async serverTool() {
    const { session, said, seen, errors, events, asked } = await open('&assistant=cafe')
    session.sendMessage(order.asked)
    await said(order.answered)
    await seen('response.done', 2)
    expectHiddenCalls(events)
    expect(asked.length === 0, 'no call of its own tool')
    noError(errors)
    session.close()
  },
  async interruption() {
    const { session, said, errors, seen } = await open()
    session.sendMessage('count to 800')
    await seen('response.output_audio.delta', 2)
    session.interrupt()
    await seen('conversation.item.truncated')
    session.sendMessage('are you there')
    await said('You said: are you there')
    noError(errors)
    session.close()
  },
  async error() {
    const { session, failed, errors } = await open()
    session.transport.sendEvent({ type: 'response.cancel' })
    await failed()
    expect(JSON.stringify(errors).includes('response_cancel_not_active'), 'the code')
    session.close()
  },
})
