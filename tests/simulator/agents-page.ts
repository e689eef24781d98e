/** The agents SDK in a real browser: the same conversations at the simulator and through the gateway. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { openStall, type Stall } from './chromium.ts'

/** Twice this, the microphone is silent: so long has a page to mute it when it has been answered. */
const silenceSec = 4

/** Opens a browser whose pages can load the SDK, and whose microphone speaks. */
export async function openAgentsStall(): Promise<Stall> {
  const entry = createRequire(import.meta.url).resolve('@openai/agents-realtime')
  const bundle = await readFile(join(dirname(entry), 'bundle', 'openai-realtime-agents.umd.js'), 'utf8')
  return openStall('Could you tell me something about the sea', { '/sdk.js': bundle }, silenceSec)
}

/** Runs in the page: a session of the SDK with a tool; waits until the history holds the words. */
const pageScript = `
  globalThis.talk = async (transport, key) => {
    const { RealtimeAgent, RealtimeSession, tool } = globalThis.OpenAIAgentsRealtime
    const weather = tool({
      name: 'get_weather',
      description: 'Tells the weather',
      strict: true,
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
      execute: async ({ city }) => 'sunny in ' + city,
    })
    const agent = new RealtimeAgent({ name: 'helper', instructions: 'Be brief.', tools: [weather] })
    const session = new RealtimeSession(agent, { transport, tracingDisabled: true })
    const errors = []
    session.on('error', ({ error }) => errors.push(error?.error?.code ?? JSON.stringify(error)))
    const events = []
    session.on('transport_event', ({ type }) => events.push(type))
    const event = (type, from) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('never came ' + type + ': ' + events.slice(from) + errors)), 25000)
      const look = () => {
        if (!events.slice(from).includes(type)) return
        clearTimeout(timer)
        resolve(type)
      }
      session.on('transport_event', look)
      look()
    })
    const said = words => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('never said ' + words + ': ' + JSON.stringify(session.history) + errors)), 25000)
      const look = () => {
        if (!JSON.stringify(session.history).includes(words)) return
        clearTimeout(timer)
        resolve(words)
      }
      session.on('history_updated', look)
      look()
    })
    await session.connect({ apiKey: key })
    return { session, errors, said, event: type => event(type, events.length) }
  }
`

/**
 * Calls over WebRTC: is heard, is answered by voice, interrupts while it is spoken to, is answered to what
 * it wrote, has its tool called, and at last cancels what does not run.
 *
 * @param callsUrl where offers are posted
 * @returns the errors that the SDK reported
 */
export function callAsAgents(stall: Stall, callsUrl: string, key: string): Promise<unknown> {
  return inPage(
    stall,
    `
    const { OpenAIRealtimeWebRTC } = globalThis.OpenAIAgentsRealtime
    const transport = new OpenAIRealtimeWebRTC({ baseUrl: '${callsUrl}' })
    const { session, errors, said, event } = await talk(transport, '${key}')
    await said('I heard you speak for')
    session.mute(true)
    const created = event('response.created')
    session.sendMessage('count to 300')
    await created
    await event('output_audio_buffer.started')
    const cleared = event('output_audio_buffer.cleared')
    session.interrupt()
    await cleared
    session.sendMessage('hello from a page')
    await said('You said: hello from a page')
    session.sendMessage('what is the weather in Madrid')
    await said('sunny in Madrid')
    if (errors.length > 0) return errors
    const refused = event('error')
    transport.sendEvent({ type: 'response.cancel' })
    await refused
    session.close()
    return errors`,
  )
}

/**
 * Talks over WebSocket, with the key as a subprotocol.
 *
 * @param url of the socket, with its model
 * @returns the errors that the SDK reported
 */
export function writeAsAgents(stall: Stall, url: string, key: string): Promise<unknown> {
  return inPage(
    stall,
    `
    const { OpenAIRealtimeWebSocket } = globalThis.OpenAIAgentsRealtime
    const { session, errors, said } = await talk(new OpenAIRealtimeWebSocket({ url: '${url}' }), '${key}')
    session.sendMessage('hello from a page')
    await said('You said: hello from a page')
    session.close()
    return errors`,
  )
}

async function inPage(stall: Stall, script: string): Promise<unknown> {
  const page = await stall.page()
  await page.addScriptTag({ url: '/sdk.js' })
  await page.addScriptTag({ content: pageScript })
  const errors = await page.evaluate(`(async () => {${script}})()`)
  await page.close()
  return errors
}
