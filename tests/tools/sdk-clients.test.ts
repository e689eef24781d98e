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
import { gatewayFor } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { done, scriptedRunner } from './scripted-runner.ts'

/** The first calls without a word, the second speaks before it calls. */
const models = ['gpt-realtime', 'gpt-realtime-2.1'] as const

async function gatewayWithTools(t: ExecutionContext, env: Record<string, string> = {}) {
  const runner = scriptedRunner({ get_weather: { run: (_, { city }) => done(`sunny in ${city}`) } })
  const settings = { OPENAI_REALTIME_MODEL: models.join(','), SIMULATOR_RATE: '100', SIMULATOR_SEED: '17' }
  const toolsFor = () => ({ runner })
  const gateway = await gatewayFor(t, { ...settings, ...env }, undefined, { toolsFor })
  return { gateway, runner }
}

interface ServerEvent {
  readonly type: string
  readonly item_id?: string
  readonly previous_item_id?: string | null
  readonly response_id?: string
  readonly item?: { readonly id: string; readonly type: string }
  readonly response?: { readonly id: string; readonly output?: readonly { readonly id: string }[] }
}

const beginsItem = new Set([
  'conversation.item.added',
  'conversation.item.created',
  'response.output_item.added',
])
const opensResponse = 'response.created'
const endsResponse = 'response.done'

/** Fails where an event is about an item or a response that was not begun, or is over. @returns responses that ended */
function assertConsistent(t: ExecutionContext, events: readonly ServerEvent[]): number {
  const items = new Set<string>()
  const over = new Set<string>()
  let open: string | null = null
  for (const event of events) {
    const { type, item, item_id, previous_item_id, response, response_id } = event
    const what = JSON.stringify(event)
    if (type === opensResponse) {
      t.is(open, null, what)
      open = response?.id ?? ''
      t.false(over.has(open), what)
    }
    if (response_id !== undefined) t.true(response_id === open, what)
    if (typeof previous_item_id === 'string') t.true(items.has(previous_item_id), what)
    if (item !== undefined && beginsItem.has(type)) items.add(item.id)
    for (const id of [item?.id, item_id, ...(response?.output ?? []).map(({ id }) => id)])
      if (id !== undefined) t.true(items.has(id), what)
    if (type === endsResponse) {
      t.is(response?.id, open ?? 'none is open', what)
      over.add(open ?? '')
      open = null
    }
  }
  t.is(open, null, 'a response has no end')
  t.is(events[0]?.type, 'session.created')
  return over.size
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
    isQuiet: () => count(opensResponse) === count(endsResponse),
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

for (const model of models) {
  test(`the agents SDK talks with ${model}, whose calls run on the server, and keeps a tool of its own`, async t => {
    const { gateway, runner } = await gatewayWithTools(t)
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
    const hasSaid = (words: string) => () => isQuiet() && JSON.stringify(session.history).includes(words)
    await within(session.connect({ apiKey: 'sk-1' }), patienceMs, 'the SDK does not connect')
    session.sendMessage('what is the weather in Bergen')
    await until(hasSaid('sunny in Bergen'), 'the SDK has no answer of the tool')
    t.is(runner.runs.length, 1)
    t.deepEqual(called, [])
    assertNoCalls(t, events)
    t.is(assertConsistent(t, events), model === 'gpt-realtime' ? 1 : 2)
    t.deepEqual([...new Set(session.history.map(({ type }) => type))], ['message'])
    session.sendMessage('what time is it')
    await until(hasSaid('The tool answered: noon'), 'the SDK has no answer of its own tool')
    t.deepEqual(called, ['get_time'])
    t.is(runner.runs.length, 1)
    assertConsistent(t, events)
    t.deepEqual(errors, [])
  })

  test(`openai's client talks with ${model}, whose calls run on the server`, async t => {
    const { cert, key } = await makeCertificate()
    const folder = mkdtempSync(join(tmpdir(), 'gateway-tools-'))
    // The client dials `wss:` only.
    const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
    writeFileSync(files.TLS_CERT_FILE, cert)
    writeFileSync(files.TLS_KEY_FILE, key)
    const { gateway, runner } = await gatewayWithTools(t, files)
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
    rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
    await until(has('session.updated'), 'no session is updated')
    const ask = async (text: string, answer: string) => {
      rt.send({
        type: 'conversation.item.create',
        item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
      })
      rt.send({ type: 'response.create' })
      const isAnswer = ({ type, ...event }: ServerEvent) =>
        type === 'response.output_text.done' && JSON.stringify(event).includes(answer)
      await until(() => events.some(isAnswer) && isQuiet(), `no "${answer}" comes`)
    }
    await ask('what is the weather in Bergen', 'sunny in Bergen')
    await ask('hello there', 'You said: hello there')
    t.is(runner.runs.length, 1)
    assertNoCalls(t, events)
    t.is(assertConsistent(t, events), model === 'gpt-realtime' ? 2 : 3)
    t.deepEqual(errors, [])
  })
}
