import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import test from 'ava'
import type { Simulator } from '../../runtime/simulator/server.ts'
import { openStall, type Stall } from './chromium.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
let simulator: Simulator
let stall: Stall

test.before(async () => {
  simulator = await stage.simulator({ seed: 17, rate: 8 })
  const entry = createRequire(import.meta.url).resolve('@openai/agents-realtime')
  const bundle = await readFile(join(dirname(entry), 'bundle', 'openai-realtime-agents.umd.js'), 'utf8')
  stall = await openStall('Could you tell me something about the sea', { '/sdk.js': bundle })
})
test.after.always(() => stall?.close())

async function mintKey(): Promise<string> {
  const reply = await fetch(`${simulator.url}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-main' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime-2.1' } }),
  })
  const { value } = (await reply.json()) as { value: string }
  return value
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
    session.on('error', ({ error }) => errors.push(JSON.stringify(error)))
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
    return { session, errors, said }
  }
`

test.serial('the agents SDK in a browser talks over WebRTC: voice, tool, interruption', async t => {
  const page = await stall.page()
  await page.addScriptTag({ url: '/sdk.js' })
  await page.addScriptTag({ content: pageScript })
  const errors = await page.evaluate(`(async () => {
    const { OpenAIRealtimeWebRTC } = globalThis.OpenAIAgentsRealtime
    const transport = new OpenAIRealtimeWebRTC({ baseUrl: '${simulator.url}/v1/realtime/calls' })
    const { session, errors, said } = await talk(transport, '${await mintKey()}')
    await said('I heard you speak for')
    session.mute(true)
    session.interrupt()
    session.sendMessage('what is the weather in Madrid')
    await said('sunny in Madrid')
    session.close()
    return errors
  })()`)
  t.deepEqual(errors, [])
  await page.close()
})

test.serial('the agents SDK in a browser talks over WebSocket, with its key as a subprotocol', async t => {
  const page = await stall.page()
  await page.addScriptTag({ url: '/sdk.js' })
  await page.addScriptTag({ content: pageScript })
  const errors = await page.evaluate(`(async () => {
    const { OpenAIRealtimeWebSocket } = globalThis.OpenAIAgentsRealtime
    const url = '${simulator.url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime-2.1'
    const { session, errors, said } = await talk(new OpenAIRealtimeWebSocket({ url }), '${await mintKey()}')
    session.sendMessage('hello from a page')
    await said('You said: hello from a page')
    session.close()
    return errors
  })()`)
  t.deepEqual(errors, [])
  await page.close()
})
