/** Conversations across dialects, through a gateway, with the simulator as upstream in either dialect. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/beta/realtime/ws'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'

type Names = 'ga' | 'preview'

async function sdkTalk(t: ExecutionContext, upstream: Names, client: Names | 'upstream'): Promise<Talk> {
  const simulator = await startSimulator({ rate: 500 })
  t.teardown(() => simulator.close())
  const gateway = await gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: simulator.url,
    AZURE_OPENAI_API_KEY: 'any-key',
    ...(upstream === 'preview' && { AZURE_OPENAI_API_VERSION: '2025-04-01-preview' }),
    REALTIME_DIALECT: client,
  })
  return converse(t, `${gateway.socketUrl}/openai/realtime`)
}

const says = {
  ga: { type: 'realtime', output_modalities: ['audio'], audio: { output: { voice: 'ash' } } },
  preview: { modalities: ['audio', 'text'], voice: 'ash' },
}

/** One spoken turn. @returns the types of its events, repeated ones once */
async function turn(talk: Talk, shape: Names): Promise<string[]> {
  talk.send({ type: 'session.update', session: says[shape] })
  const seen = await talk.until('session.updated')
  const content = [{ type: 'input_text', text: 'hello' }]
  talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
  talk.send({ type: 'response.create' })
  seen.push(...(await talk.until('response.done')))
  const errors = seen.filter(({ type }) => type === 'error')
  if (errors.length > 0) throw new Error(JSON.stringify(errors))
  return [...new Set(seen.map(({ type }) => type))]
}

/** GA's voice and transcript may overtake each other. */
const comparable = (types: string[]) => [...types].sort()

for (const upstream of ['ga', 'preview'] as const) {
  const client = upstream === 'ga' ? 'preview' : 'ga'
  test(`a ${client} client before a ${upstream} upstream hears what it would hear from its own`, async t => {
    const across = await turn(await sdkTalk(t, upstream, client), client)
    const native = await turn(await sdkTalk(t, client, 'upstream'), client)
    t.deepEqual(comparable(across), comparable(native))
  })

  test(`a ${upstream} upstream takes a session.update in either shape, whatever clients see`, async t => {
    for (const dialect of ['upstream', 'ga', 'preview'] as const) {
      for (const shape of ['ga', 'preview'] as const) {
        const talk = await sdkTalk(t, upstream, dialect)
        const types = await turn(talk, shape)
        t.true(types.includes('session.updated'))
      }
    }
  })
}

/** Types of the events of one response and of its items, in order, repeated ones once. */
async function responseOf(talk: Talk, request: object): Promise<string[]> {
  talk.send({ type: 'response.create', response: request })
  const events = await talk.until('response.done')
  return [
    ...new Set(events.map(({ type }) => type).filter(type => /^(conversation\.item|response)\./.test(type))),
  ]
}

for (const [upstream, client] of [
  ['preview', 'ga'],
  ['ga', 'preview'],
] as const) {
  test(`a ${client} client before a ${upstream} upstream: an answer outside of the conversation has no items there, one in it has all`, async t => {
    const talk = await sdkTalk(t, upstream, client)
    talk.send({ type: 'session.update', session: says[client] })
    await talk.until('session.updated')
    const ofItems = (types: string[]) => types.filter(type => type.startsWith('conversation.item.'))
    const content = [{ type: 'input_text', text: 'aside' }]
    const aside = { conversation: 'none', input: [{ type: 'message', role: 'user', content }] }
    const beside = await responseOf(talk, aside)
    t.deepEqual(ofItems(beside), [])
    t.true(beside.includes('response.output_item.done'))
    const announced =
      client === 'ga' ? ['conversation.item.added', 'conversation.item.done'] : ['conversation.item.created']
    t.deepEqual(ofItems(await responseOf(talk, {})), announced)
    // The end of the one before is no end of this one.
    t.deepEqual(ofItems(await responseOf(talk, aside)), [])
  })
}

test('/realtime: the default patterns admit the text of either upstream, by the name that the client sees', async t => {
  for (const [dialect, sent, seen] of [
    ['upstream', 'response.text.delta', 'response.text.delta'],
    ['upstream', 'response.output_text.delta', 'response.output_text.delta'],
    ['preview', 'response.output_text.delta', 'response.text.delta'],
  ] as const) {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, REALTIME_DIALECT: dialect })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    const session = await upstream.session()
    session.send({ type: 'response.output_audio.delta', delta: 'AAAA' })
    session.send({ type: sent, delta: 'x' })
    t.deepEqual(await talk.next(), { type: seen, delta: 'x' })
  }
})

test('/realtime: what is extracted is announced by the name that the client sees', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    REALTIME_DIALECT: 'preview',
    REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.output_text.done',
    REALTIME_EXTRACT_OUTPUT_MODE: 'wrap',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.output_text.done', text: '{"a":1}' })
  t.like(await talk.next(), { type: 'extracted.json', source_type: 'response.text.done', payload: { a: 1 } })
})

/** How a beta client says what it is. */
const betaWays: [what: string, path: string, headers: Record<string, string>, subprotocols: string[]][] = [
  ['the header', '/v1/realtime', { 'OpenAI-Beta': 'realtime=v1' }, []],
  ['a header of several', '/openai/v1/realtime', { 'OpenAI-Beta': 'assistants=v2, realtime=v1' }, []],
  ['the subprotocol', '/v1/realtime', {}, ['realtime', 'openai-beta.realtime-v1']],
  ["Azure's preview address", '/openai/realtime?api-version=2025-04-01-preview', {}, []],
]

for (const [what, path, headers, subprotocols] of betaWays) {
  test(`at its defaults a client that says preview by ${what} is answered in the preview's names, and its neighbour in GA's`, async t => {
    const gateway = await gatewayFor(t)
    const beta = await converse(t, gateway.socketUrl + path, { headers, subprotocols })
    const types = await turn(beta, 'preview')
    t.true(types.includes('response.audio_transcript.delta'))
    t.false(types.some(type => type.includes('output_audio') || type === 'conversation.item.added'))
    const ga = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    t.true((await turn(ga, 'ga')).includes('response.output_audio_transcript.delta'))
  })
}

test("openai's beta client holds a conversation at a gateway with its defaults", async t => {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-beta-'))
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  const gateway = await gatewayFor(t, files)
  const client = new OpenAI({ apiKey: 'any', baseURL: `${gateway.url}/v1` })
  const talk = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { ca: cert } }, client)
  t.teardown(() => talk.close())
  const said = await new Promise<string>((resolve, reject) => {
    talk.on('error', reject)
    talk.on('session.created', () => {
      talk.send({ type: 'session.update', session: { modalities: ['text'], instructions: 'Be brief' } })
    })
    talk.on('session.updated', ({ session }) => {
      t.deepEqual(session.modalities, ['text'])
      const content = [{ type: 'input_text', text: 'hello' } as const]
      talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
      talk.send({ type: 'response.create' })
    })
    talk.on('response.text.done', ({ text }) => resolve(text))
  })
  t.not(said, '')
})
