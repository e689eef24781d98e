/** The official SDKs, unchanged, at an assistant: one that is the client's to change, and one that is pinned. */
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime'
import test from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { z } from 'zod'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { stageOf } from '../gateway/file-stage.ts'
import { gatewayFor } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { talkAsAgents } from '../simulator/agents-talks.ts'
import { assistant, folderWith, writeFiles } from './folders.ts'

const stage = stageOf(test)

const folder = folderWith(stage, {
  ...assistant('open', '', 'You are open.'),
  ...assistant('pinned', 'pinned: true', 'THE HOUSE RULES'),
})
const env = { ASSISTANTS_DIR: folder, SIMULATOR_RATE: '100', SIMULATOR_SEED: '13' }
const starting = gatewayFor(stage, env)

/** The client of openai dials `wss:` only. */
async function startWithTls() {
  const { cert, key } = await makeCertificate()
  writeFiles(folder, { 'tls/cert.pem': cert, 'tls/key.pem': key })
  const [TLS_CERT_FILE, TLS_KEY_FILE] = [`${folder}/tls/cert.pem`, `${folder}/tls/key.pem`]
  const { url } = await gatewayFor(stage, { ...env, TLS_CERT_FILE, TLS_KEY_FILE })
  return { url, cert }
}

const startingWithTls = startWithTls()

talkAsAgents(test, 'at an assistant that it may change', async () => (await starting).url, [
  '/v1/realtime?model=gpt-realtime-2.1&assistant=open',
])

test('the agents SDK talks with a pinned assistant, which has neither its instructions nor its tools', async t => {
  const { socketUrl } = await starting
  const called: string[] = []
  const weather = tool({
    name: 'get_weather',
    description: 'Tells the weather',
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      called.push(city)
      return 'sunny'
    },
  })
  const agent = new RealtimeAgent({ name: 'helper', instructions: 'MINE', tools: [weather] })
  const url = `${socketUrl}/v1/realtime?model=gpt-realtime-2.1&assistant=pinned`
  const session = new RealtimeSession(agent, {
    transport: new OpenAIRealtimeWebSocket({ url }),
    tracingDisabled: true,
  })
  t.teardown(() => session.close())
  const errors: unknown[] = []
  session.on('error', ({ error }) => errors.push(error))
  const shown: unknown[] = []
  session.on('transport_event', event => shown.push(event))
  await within(session.connect({ apiKey: 'sk-1' }), patienceMs, 'the SDK does not connect')
  const answered = new Promise<void>(resolve => session.on('agent_end', () => resolve()))
  session.sendMessage('what is the weather in Bergen')
  await within(answered, patienceMs, 'no answer comes')
  t.deepEqual(called, [])
  t.deepEqual(errors, [])
  t.notRegex(JSON.stringify(shown), /HOUSE RULES|"MINE"/)
  t.true(shown.some(event => (event as { type: string }).type === 'session.updated'))
})

for (const [name, instructions] of [
  ['open', 'Mine'],
  ['pinned', ''],
] as const)
  test(`openai's client talks with the assistant "${name}": its instructions are ${instructions === '' ? 'left out' : 'taken'}`, async t => {
    const { url, cert } = await startingWithTls
    const client = new OpenAI({ apiKey: 'sk-1', baseURL: `${url}/v1` })
    const address = new URL(`${url.replace('https', 'wss')}/v1/realtime?model=gpt-realtime&assistant=${name}`)
    const options = { model: 'gpt-realtime', options: { ca: cert }, buildRealtimeURL: () => address }
    const rt = new OpenAIRealtimeWS(options, client)
    t.teardown(() => rt.close())
    const held: { type: string; session?: { instructions?: string } }[] = []
    let wake: () => void = () => undefined
    rt.on('event', event => {
      held.push(event as never)
      wake()
    })
    const errors: unknown[] = []
    rt.on('error', error => errors.push(error))
    const next = async (type: string) => {
      for (;;) {
        const event = held.shift()
        if (event?.type === type) return event
        if (event === undefined)
          await within(
            new Promise<void>(resolve => {
              wake = resolve
            }),
            patienceMs,
            `no ${type} comes`,
          )
      }
    }
    const created = await next('session.created')
    t.is(created.session?.instructions, name === 'open' ? 'You are open.' : '')
    rt.send({
      type: 'session.update',
      session: { type: 'realtime', output_modalities: ['text'], instructions: 'Mine' },
    })
    t.is((await next('session.updated')).session?.instructions, instructions)
    rt.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello there' }] },
    })
    rt.send({ type: 'response.create' })
    t.like(await next('response.output_text.done'), { text: 'You said: hello there' })
    t.deepEqual(errors, [])
  })
