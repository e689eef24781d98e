/** Mastra's voice, with its own default model by name. */
import { Readable } from 'node:stream'
import { OpenAIRealtimeVoice } from '@mastra/voice-openai-realtime'
import { z } from 'zod'
import { apiKey, createWatch, expect, gatewaySocket, holdTalks, note, speech } from './stage.mjs'

async function open(prepare = () => undefined) {
  const voice = new OpenAIRealtimeVoice({
    apiKey,
    url: `${gatewaySocket}/v1/realtime`,
    model: process.env.CLIENT_MODEL,
  })
  const watch = createWatch()
  const heard = { texts: new Map(), bytes: 0, errors: [], done: [] }
  const add = ({ text, role }) => {
    heard.texts.set(role, (heard.texts.get(role) ?? '') + text)
    watch.poke()
  }
  voice.on('writing', add)
  voice.on('speaking', ({ audio }) => {
    note('speaking')
    heard.bytes += audio.length
    watch.poke()
  })
  voice.on('response.done', event => {
    note('response.done')
    heard.done.push(event.response.status)
    watch.poke()
  })
  voice.on('error', fault => {
    note('error')
    heard.errors.push(fault.error ?? { message: fault.message })
    watch.poke()
  })
  prepare(voice)
  const updated = new Promise(resolve => {
    voice.on('session.updated', resolve)
  })
  await voice.connect()
  await Promise.race([updated, watch.until(() => heard.errors.length > 0)])
  noError(heard)
  const until = holds => watch.until(() => heard.errors.length > 0 || holds())
  return {
    voice,
    heard,
    until,
    said: words => until(() => (heard.texts.get('assistant') ?? '').includes(words)),
  }
}

const noError = ({ errors }) => expect(errors.length === 0, `no error, not ${JSON.stringify(errors)}`)

await holdTalks({
  async text() {
    const { voice, heard, until } = await open()
    await voice.speak('hello there')
    await until(() => heard.done.length > 0)
    noError(heard)
    expect(heard.bytes > 1000, 'audio')
    expect((heard.texts.get('assistant') ?? '').trim() !== '', 'what was said, in writing')
    voice.close()
  },
  async voice() {
    const { voice, heard, until } = await open()
    await voice.send(speech())
    await until(() => heard.done.length > 0)
    noError(heard)
    expect((heard.texts.get('assistant') ?? '').startsWith('I heard you speak'), 'what was said, in writing')
    expect(heard.bytes > 1000, 'audio')
    voice.close()
  },
  async listening() {
    const { voice, heard, until } = await open()
    await voice.listen(Readable.from([Buffer.from(speech().buffer)]))
    await until(() => heard.done.length > 0)
    noError(heard)
    expect((heard.texts.get('assistant') ?? '').trim() !== '', 'an answer in text')
    voice.close()
  },
  async tool() {
    const asked = []
    const weather = {
      id: 'get_weather',
      description: 'Tells the weather',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ context, city }) => {
        asked.push(context?.city ?? city)
        return { sky: 'snow' }
      },
    }
    const { voice, heard, said } = await open(each => each.addTools({ get_weather: weather }))
    voice.sendEvent('conversation.item.create', {
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'weather in Oslo' }] },
    })
    await voice.answer({})
    await said('snow')
    noError(heard)
    expect(asked.join() === 'Oslo', `one call, not ${asked}`)
    voice.close()
  },
  async interruption() {
    const { voice, heard, until } = await open()
    voice.sendEvent('conversation.item.create', {
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'count to 500' }] },
    })
    await voice.answer({})
    await until(() => heard.bytes > 0)
    await voice.send(speech(400, 0))
    await until(() => heard.done.length > 0)
    noError(heard)
    expect(heard.done.join() === 'cancelled', `a cancelled response, not ${heard.done}`)
    voice.close()
  },
  async error() {
    const { voice, heard, until } = await open()
    voice.sendEvent('response.cancel', {})
    await until(() => heard.errors.length > 0)
    expect(heard.errors[0].code === 'response_cancel_not_active', `the code, not ${heard.errors[0].code}`)
    voice.close()
  },
})
