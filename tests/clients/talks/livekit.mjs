/** LiveKit's plugin, with its defaults. */
import { initializeLogger, llm } from '@livekit/agents'
import { realtime, STT } from '@livekit/agents-plugin-openai'
import { AudioFrame } from '@livekit/rtc-node'
import { z } from 'zod'
import {
  apiKey,
  createWatch,
  expect,
  expectHiddenCalls,
  gateway,
  holdTalks,
  note,
  order,
  speech,
} from './stage.mjs'

initializeLogger({ pretty: false, level: 'silent' })

async function open(options = {}) {
  const model = new realtime.RealtimeModel({ apiKey, baseURL: `${gateway}/v1`, ...options })
  const session = model.session()
  const watch = createWatch()
  const errors = []
  const generations = []
  const events = []
  const counts = new Map()
  session.on('openai_server_event_received', event => {
    const { type, error } = event
    events.push(event)
    note(type)
    counts.set(type, (counts.get(type) ?? 0) + 1)
    if (type === 'error') errors.push(error)
    watch.poke()
  })
  session.on('error', ({ error }) => {
    errors.push({ message: String(error) })
    watch.poke()
  })
  session.on('generation_created', generation => {
    generations.push(generation)
    watch.poke()
  })
  const until = holds => watch.until(() => errors.length > 0 || holds())
  await until(() => counts.has('session.updated'))
  noError(errors)
  return { model, session, errors, events, generations, until, seen: type => until(() => counts.has(type)) }
}

const noError = errors => expect(errors.length === 0, `no error, not ${JSON.stringify(errors)}`)

async function ask(session, text) {
  const context = session.chatCtx.copy()
  context.addMessage({ role: 'user', content: text })
  await session.updateChatCtx(context)
  return session.generateReply()
}

/** Reads what an answer says and what it calls. */
async function readAnswer({ messageStream, functionStream }) {
  const answer = { text: '', samples: 0, calls: [] }
  const drain = async (stream, take) => {
    for await (const each of stream) take(each)
  }
  for await (const { textStream, audioStream } of messageStream)
    await Promise.all([
      drain(textStream, part => {
        answer.text += typeof part === 'string' ? part : part.text
      }),
      drain(audioStream, frame => {
        answer.samples += frame.samplesPerChannel
      }),
    ])
  await drain(functionStream, call => answer.calls.push(call))
  return answer
}

/** Frames of 10 ms, as a room gives them. */
function pushSpeech(session, toneMs, silenceMs) {
  const samples = speech(toneMs, silenceMs)
  for (let at = 0; at + 240 <= samples.length; at += 240)
    session.pushAudio(new AudioFrame(samples.slice(at, at + 240), 24_000, 1, 240))
}

async function close({ session, model }) {
  await session.close()
  await model.close()
}

await holdTalks({
  async text() {
    const talk = await open({ modalities: ['text'] })
    const { text } = await readAnswer(await ask(talk.session, 'hello there'))
    expect(text === 'You said: hello there', `the answer, not ${text}`)
    noError(talk.errors)
    await close(talk)
  },
  async voice() {
    const talk = await open()
    pushSpeech(talk.session, 1000, 3000)
    await talk.until(() => talk.generations.length > 0)
    noError(talk.errors)
    const { text, samples } = await readAnswer(talk.generations[0])
    expect(text.startsWith('I heard you speak'), `the transcript, not ${text}`)
    expect(samples > 1000, 'audio')
    noError(talk.errors)
    await close(talk)
  },
  async tool() {
    const talk = await open({ modalities: ['text'] })
    const { session } = talk
    const weather = llm.tool({
      name: 'get_weather',
      description: 'Tells the weather',
      parameters: z.object({ city: z.string() }),
      execute: async () => 'snow',
    })
    await session.updateTools(new llm.ToolContext([weather]))
    const { calls } = await readAnswer(await ask(session, 'weather in Oslo'))
    expect(
      calls.length === 1 && JSON.parse(calls[0].args).city === 'Oslo',
      `Oslo, not ${JSON.stringify(calls)}`,
    )
    const context = session.chatCtx.copy()
    const { name, callId } = calls[0]
    context.insert(llm.FunctionCallOutput.create({ callId, name, output: 'snow', isError: false }))
    await session.updateChatCtx(context)
    const { text } = await readAnswer(await session.generateReply())
    expect(text === 'The tool answered: snow', `the tool's output, not ${text}`)
    noError(talk.errors)
    await close(talk)
  },
  async serverTool() {
    // The plugin puts `/realtime` behind the address, and the model among its parameters.
    const talk = await open({ modalities: ['text'], baseURL: `${gateway}/v1?assistant=cafe&` })
    const { text, calls } = await readAnswer(await ask(talk.session, order.asked))
    expect(text === order.answered, `the tool's words, not ${text}`)
    expect(calls.length === 0, `no call of its own, not ${JSON.stringify(calls)}`)
    await talk.seen('response.done')
    expectHiddenCalls(talk.events)
    noError(talk.errors)
    await close(talk)
  },
  async interruption() {
    const talk = await open()
    const { session } = talk
    const generation = await ask(session, 'count to 500')
    await talk.seen('response.output_audio.delta')
    const [message] = await Promise.all([firstOf(generation.messageStream), session.interrupt()])
    await talk.seen('response.done')
    await session.truncate({ messageId: message.messageId, audioEndMs: 20, modalities: ['audio'] })
    await talk.seen('conversation.item.truncated')
    noError(talk.errors)
    const { text } = await readAnswer(await ask(session, 'are you there'))
    expect(text === 'You said: are you there', `the answer, not ${text}`)
    await close(talk)
  },
  async error() {
    const talk = await open()
    talk.session.sendEvent({ type: 'conversation.item.delete', item_id: 'item_unknown' })
    await talk.until(() => false)
    expect(
      talk.errors[0].code === 'item_delete_invalid_item_id',
      `the code, not ${JSON.stringify(talk.errors[0])}`,
    )
    await close(talk)
  },
  async transcription() {
    const stt = new STT({
      apiKey,
      baseURL: `${gateway}/v1`,
      model: 'gpt-transcribe',
      useRealtime: true,
      turnDetection: { type: 'server_vad' },
    })
    const stream = stt.stream()
    const samples = speech(1000, 3000)
    for (let at = 0; at + 240 <= samples.length; at += 240)
      stream.pushFrame(new AudioFrame(samples.slice(at, at + 240), 24_000, 1, 240))
    const final = (async () => {
      for await (const event of stream) {
        const text = event.alternatives?.[0]?.text ?? ''
        if (text !== '') return text
      }
      return ''
    })()
    expect((await final) !== '', 'a transcript')
    stream.close()
  },
})

async function firstOf(stream) {
  for await (const each of stream) return each
  throw new Error('no message came')
}
