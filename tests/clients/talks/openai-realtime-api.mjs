/** The community client that speaks the preview dialect, as many applications of 2024-25 do. */
import { RealtimeClient } from 'openai-realtime-api'
import { apiKey, createWatch, expect, gatewaySocket, holdTalks, note, speech } from './stage.mjs'

async function open(sessionConfig, prepare = () => undefined) {
  const client = new RealtimeClient({
    apiKey,
    url: `${gatewaySocket}/v1/realtime`,
    model: process.env.CLIENT_MODEL,
    sessionConfig,
  })
  const watch = createWatch()
  const errors = []
  const counts = new Map()
  client.realtime.on('server.*', event => {
    note(event.type)
    counts.set(event.type, (counts.get(event.type) ?? 0) + 1)
    if (event.type === 'error') errors.push(event.error)
    watch.poke()
  })
  prepare(client)
  await client.connect()
  await client.waitForSessionCreated()
  const until = holds => watch.until(() => errors.length > 0 || holds())
  const answers = () =>
    client.conversation
      .getItems()
      .filter(({ role, status }) => role === 'assistant' && status === 'completed')
  return {
    client,
    errors,
    until,
    seen: type => until(() => counts.has(type)),
    said: words =>
      until(() =>
        answers().some(({ formatted }) => `${formatted.text}${formatted.transcript}`.includes(words)),
      ),
    answers,
  }
}

const noError = errors => expect(errors.length === 0, `no error, not ${JSON.stringify(errors)}`)
const words = text => [{ type: 'input_text', text }]

await holdTalks({
  async text() {
    const { client, said, errors } = await open({ modalities: ['text'] })
    client.sendUserMessageContent(words('hello there'))
    await said('You said: hello there')
    noError(errors)
    client.disconnect()
  },
  async voice() {
    const { client, said, errors, answers } = await open({ turn_detection: { type: 'server_vad' } })
    client.appendInputAudio(speech())
    await said('I heard you speak')
    noError(errors)
    expect(answers()[0].formatted.audio.length > 1000, 'audio')
    client.disconnect()
  },
  async tool() {
    const asked = []
    const { client, said, errors } = await open({ modalities: ['text'] }, each =>
      each.addTool(
        {
          name: 'get_weather',
          description: 'Tells the weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
        async ({ city }) => {
          asked.push(city)
          return { sky: 'snow' }
        },
      ),
    )
    client.sendUserMessageContent(words('weather in Oslo'))
    await said('snow')
    noError(errors)
    expect(asked.join() === 'Oslo', `one call, not ${asked}`)
    client.disconnect()
  },
  async interruption() {
    const { client, said, errors, seen } = await open({})
    client.sendUserMessageContent(words('count to 500'))
    await seen('response.audio.delta')
    const item = client.conversation.getItems().findLast(({ role }) => role === 'assistant')
    client.cancelResponse(item.id, 480)
    await seen('conversation.item.truncated')
    client.sendUserMessageContent(words('are you there'))
    await said('You said: are you there')
    noError(errors)
    client.disconnect()
  },
  async error() {
    const { client, errors, until } = await open({})
    client.updateSession({ turn_detection: { type: 'nonsense' } })
    await until(() => false)
    expect(
      errors[0].param === 'session.turn_detection.type',
      `the field by its own name, not ${errors[0].param}`,
    )
    client.disconnect()
  },
})
