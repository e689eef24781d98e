/** The official SDKs, unchanged, in sessions whose calls run on the server: they see answers, and nothing of the calls. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime'
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { z } from 'zod'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { Script, type ScriptedAnswer } from '../../runtime/simulator/model/script.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { judgeLifecycle, type ServerEvent } from '../clients/talks/response-lifecycle.ts'
import { gatewayFor } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { done, scriptedRunner } from './scripted-runner.ts'

/** The first calls without a word, the second speaks before it calls. */
const models = ['gpt-realtime', 'gpt-realtime-2.1'] as const

/** What a model may answer at once: a call of the server's before, between and behind what the client sees. */
const mixedAnswers: readonly ScriptedAnswer[] = [
  [{ call: 'get_weather', arguments: { city: 'Oslo' } }, { say: 'One moment.' }],
  { say: 'It is sunny in Oslo.' },
  [
    { call: 'get_weather', arguments: { city: 'Rome' } },
    { call: 'get_time' },
    { call: 'get_weather', arguments: { city: 'Bonn' } },
  ],
  { say: 'It is noon in Rome.' },
]

/** Starts an upstream that answers so. @returns settings of a gateway before it */
async function scriptedUpstream(t: ExecutionContext, answers: readonly ScriptedAnswer[]) {
  const simulator = await startSimulator({ script: new Script(answers), rate: 100 })
  t.teardown(() => simulator.close())
  return { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1` }
}

async function gatewayWithTools(t: ExecutionContext, env: Record<string, string> = {}) {
  const runner = scriptedRunner({ get_weather: { run: (_, { city }) => done(`sunny in ${city}`) } })
  const settings = { OPENAI_REALTIME_MODEL: models.join(','), SIMULATOR_RATE: '100', SIMULATOR_SEED: '17' }
  const toolsFor = () => ({ runner })
  const gateway = await gatewayFor(t, { ...settings, ...env }, undefined, { toolsFor })
  return { gateway, runner }
}

/** Fails where the events are no lifecycle of responses. @returns responses that ended */
function assertConsistent(t: ExecutionContext, events: readonly ServerEvent[]): number {
  const { faults, ended } = judgeLifecycle(events)
  t.deepEqual(faults, [])
  return ended
}

/** Fails where events tell of the server's calls, or are none of the API's. */
function assertNoCalls(t: ExecutionContext, events: readonly ServerEvent[]): void {
  for (const event of events) {
    t.regex(
      event.type,
      /^(session|conversation|response|input_audio_buffer|output_audio_buffer|rate_limits)\./,
    )
    t.notRegex(JSON.stringify(event), /function_call|get_weather/)
  }
}

/** Takes in events. */
function collect() {
  const events: ServerEvent[] = []
  let wake: () => void = () => undefined
  const count = (type: string) => events.filter(event => event.type === type).length
  return {
    events,
    look: () => wake(),
    /** Whether no response runs. */
    isQuiet: () => count('response.created') === count('response.done'),
    take: (event: unknown) => {
      events.push(event as ServerEvent)
      wake()
    },
    /** Waits until what came fulfils a keyRequest. */
    until: async (keyRequest: () => boolean, otherwise: string) => {
      while (!keyRequest())
        await within(
          new Promise<void>(resolve => {
            wake = resolve
          }),
          patienceMs,
          otherwise,
        )
    },
  }
}

/** The agents SDK in a session, with a tool of its own. */
async function talkByAgents(t: ExecutionContext, model: string, env: Record<string, string> = {}) {
  const { gateway, runner } = await gatewayWithTools(t, env)
  const called: string[] = []
  const time = tool({
    name: 'get_time',
    description: 'Tells the time',
    parameters: z.object({}),
    execute: async () => {
      called.push('get_time')
      return 'noon'
    },
  })
  const agent = new RealtimeAgent({ name: 'helper', instructions: 'Be brief.', tools: [time] })
  const url = `${gateway.socketUrl}/v1/realtime?model=${model}`
  const transport = new OpenAIRealtimeWebSocket({ url })
  const session = new RealtimeSession(agent, { transport, tracingDisabled: true })
  t.teardown(() => session.close())
  const errors: unknown[] = []
  session.on('error', ({ error }) => errors.push(error))
  const { events, take, look, isQuiet, until } = collect()
  session.on('transport_event', event => take(event))
  session.on('history_updated', look)
  await within(session.connect({ apiKey: 'sk-1' }), patienceMs, 'the SDK does not connect')
  const ask = async (text: string, answer: string) => {
    session.sendMessage(text)
    const hasSaid = () => isQuiet() && JSON.stringify(session.history).includes(answer)
    await until(hasSaid, `the SDK has no "${answer}"`)
  }
  return { runner, session, called, errors, events, ask }
}

/** The client of `openai` in a session of text. @param session more of its settings */
async function talkByOpenAi(
  t: ExecutionContext,
  model: string,
  { env = {}, session = {} }: { env?: Record<string, string>; session?: object } = {},
) {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tools-'))
  // The client dials `wss:` only.
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  const { gateway, runner } = await gatewayWithTools(t, { ...files, ...env })
  const client = new OpenAI({ apiKey: 'sk-1', baseURL: `${gateway.url}/v1` })
  const address = new URL(`${gateway.socketUrl}/v1/realtime?model=${model}`)
  const rt = new OpenAIRealtimeWS({ model, options: { ca: cert }, buildRealtimeURL: () => address }, client)
  t.teardown(() => rt.close())
  const errors: unknown[] = []
  rt.on('error', error => errors.push(error))
  const { events, take, isQuiet, until } = collect()
  rt.on('event', take)
  const has = (type: string) => () => events.some(event => event.type === type)
  await until(has('session.created'), 'no session is created')
  rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'], ...session } })
  await until(has('session.updated'), 'no session is updated')
  const untilSaid = (answer: string) => {
    const isAnswer = ({ type, ...event }: ServerEvent) =>
      type === 'response.output_text.done' && JSON.stringify(event).includes(answer)
    return until(() => events.some(isAnswer) && isQuiet(), `no "${answer}" comes`)
  }
  const ask = async (text: string, answer: string) => {
    rt.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    })
    rt.send({ type: 'response.create' })
    await untilSaid(answer)
  }
  return { runner, rt, errors, events, until, ask, untilSaid }
}

for (const model of models) {
  test(`the agents SDK talks with ${model}, whose calls run on the server, and keeps a tool of its own`, async t => {
    const { runner, session, called, errors, events, ask } = await talkByAgents(t, model)
    await ask('what is the weather in Bergen', 'sunny in Bergen')
    t.is(runner.runs.length, 1)
    t.deepEqual(called, [])
    assertNoCalls(t, events)
    t.is(assertConsistent(t, events), model === 'gpt-realtime' ? 1 : 2)
    t.deepEqual([...new Set(session.history.map(({ type }) => type))], ['message'])
    await ask('what time is it', 'The tool answered: noon')
    t.deepEqual(called, ['get_time'])
    t.is(runner.runs.length, 1)
    assertConsistent(t, events)
    t.deepEqual(errors, [])
  })

  test(`openai's client talks with ${model}, whose calls run on the server`, async t => {
    const { runner, errors, events, ask } = await talkByOpenAi(t, model)
    await ask('what is the weather in Bergen', 'sunny in Bergen')
    await ask('hello there', 'You said: hello there')
    t.is(runner.runs.length, 1)
    assertNoCalls(t, events)
    t.is(assertConsistent(t, events), model === 'gpt-realtime' ? 2 : 3)
    t.deepEqual(errors, [])
  })
}

test("the agents SDK sees a response without gaps where the server's calls stand before and behind its own", async t => {
  const env = await scriptedUpstream(t, mixedAnswers)
  const { runner, called, errors, events, ask } = await talkByAgents(t, 'gpt-realtime', env)
  await ask('what is the weather in Oslo', 'It is sunny in Oslo.')
  assertNoCalls(t, events)
  await ask('how is Rome', 'It is noon in Rome.')
  t.is(assertConsistent(t, events), 4)
  t.deepEqual(called, ['get_time'])
  t.is(runner.runs.length, 3)
  t.deepEqual(errors, [])
})

test("openai's client sees a response without gaps where the server's calls stand before and behind its own", async t => {
  const time = { type: 'function', name: 'get_time', parameters: { type: 'object' } }
  const env = await scriptedUpstream(t, mixedAnswers)
  const { rt, runner, errors, events, until, ask, untilSaid } = await talkByOpenAi(t, 'gpt-realtime', {
    env,
    session: { tools: [time] },
  })
  await ask('what is the weather in Oslo', 'It is sunny in Oslo.')
  assertNoCalls(
    t,
    events.filter(({ type }) => type !== 'session.updated'),
  )
  const content = [{ type: 'input_text' as const, text: 'how is Rome' }]
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
  rt.send({ type: 'response.create' })
  const isCall = ({ type, item }: ServerEvent) =>
    type === 'response.output_item.done' && item?.type === 'function_call'
  await until(() => events.some(isCall), 'no call of its own comes')
  const { call_id = '' } = events.find(isCall)?.item ?? {}
  rt.send({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id, output: 'noon' },
  })
  rt.send({ type: 'response.create' })
  await untilSaid('It is noon in Rome.')
  t.is(assertConsistent(t, events), 4)
  t.is(runner.runs.length, 3)
  t.deepEqual(errors, [])
})
