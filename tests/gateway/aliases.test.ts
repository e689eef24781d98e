/** Model names that clients have built in, with the gateway between them and a deployment of another name. */
import test from 'ava'
import OpenAI from 'openai'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { openPeer } from '../calls/caller.ts'
import { talkAsAgents } from '../simulator/agents-talks.ts'
import { converse } from './converse.ts'
import { stageOf } from './file-stage.ts'
import { fakeUpstream, gatewayFor, type Stage } from './start.ts'

const old = 'gpt-4o-realtime-preview-2024-12-17'
const MODEL_ALIASES = 'gpt-4o-realtime-preview*:voice'

const starting = aliasedGateway(stageOf(test))
talkAsAgents(test, 'through the gateway, by an alias', async () => (await starting).url, [
  `/v1/realtime?model=${old}`,
])

/** Before a simulator at Azure's addresses, whose deployments may have any name. */
async function aliasedGateway(t: Stage, env: Record<string, string> = {}) {
  const simulator = await startSimulator({ seed: 5, rate: 100 })
  t.teardown(() => simulator.close())
  return gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: simulator.url,
    AZURE_OPENAI_API_KEY: 'k',
    AZURE_OPENAI_DEPLOYMENT_NAME: 'voice,gpt-realtime-2.1',
    MODEL_ALIASES,
    ...env,
  })
}

const paths = [
  `/v1/realtime?model=${old}`,
  `/openai/v1/realtime?model=${old}`,
  `/openai/realtime?api-version=2024-10-01-preview&deployment=${old}`,
]

for (const path of paths) {
  test(`${path}: upstream is asked for the deployment, the client hears the name that it asked for`, async t => {
    const created =
      '{"type":"session.created","event_id":"e1","session":{"id":"s\\u00e9","model":"voice" , "voice":"alloy"}}'
    const upstream = await fakeUpstream(t, { greeting: created })
    const gateway = await gatewayFor(t, {
      ...upstream.env,
      AZURE_OPENAI_DEPLOYMENT_NAME: 'other,voice',
      MODEL_ALIASES,
      // One of the addresses is the preview's; all else of the events is to come as upstream wrote it.
      REALTIME_DIALECT: 'upstream',
    })
    const talk = await converse(t, gateway.socketUrl + path)
    const session = await upstream.session()
    t.is(session.url, '/openai/v1/realtime?model=voice')
    t.is((await talk.nextFrame()).text, created.replace('"voice" ,', `"${old}" ,`))
    session.send({ type: 'session.updated', session: { model: 'voice', instructions: 'model' } })
    t.deepEqual((await talk.next()).session, { model: old, instructions: 'model' })
    const response = '{"type":"response.created","response":{"model":"voice"},"session":{"model":"voice"}}'
    session.send(response)
    t.is((await talk.nextFrame()).text, response)
  })
}

test('what a client says of its model reaches upstream as the deployment; the rest of it as it was', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'voice',
    MODEL_ALIASES,
  })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?model=${old}`)
  const session = await upstream.session()
  const update = (model: string) =>
    `{"event_id":"1","type":"session.update", "session":{"type":"realtime","model":"${model}","tools":[ ]}}`
  talk.send(update(old))
  t.is((await session.next()).text, update('voice'))
  for (const other of [update('voice'), '{"type":"session.update","session":{"type":"realtime"}}']) {
    talk.send(other)
    t.is((await session.next()).text, other)
  }
})

test('without an alias a session keeps the name that upstream gives it', async t => {
  const created = '{"type":"session.created","session":{"model":"gpt-realtime-2025-08-28"}}'
  const upstream = await fakeUpstream(t, { greeting: created })
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'voice',
    MODEL_ALIASES,
  })
  for (const query of ['', '?model=voice']) {
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime${query}`)
    t.is((await talk.nextFrame()).text, created)
  }
})

test('an alias in the dialect of the preview is translated, too', async t => {
  const gateway = await aliasedGateway(t, { REALTIME_DIALECT: 'preview' })
  const talk = await converse(t, `${gateway.socketUrl}${paths[2]}`)
  t.like((await talk.next()).session, { model: old, input_audio_format: 'pcm16' })
  talk.send({ type: 'session.update', session: { model: old, voice: 'sage' } })
  t.like((await talk.until('session.updated')).at(-1)?.session, { model: old, voice: 'sage' })
})

for (const base of ['/v1', '/openai/v1']) {
  test(`${base}: a key by an alias is of the deployment, and its sessions and calls go by it`, async t => {
    const gateway = await aliasedGateway(t)
    const clientBy = (apiKey: string) => new OpenAI({ apiKey, baseURL: gateway.url + base, maxRetries: 0 })
    const { value, session } = await clientBy('k').realtime.clientSecrets.create({
      session: { type: 'realtime', model: old, instructions: 'Always begin with "Aye."' },
    })
    t.like(session, { model: old, instructions: 'Always begin with "Aye."' })
    const subprotocols = ['realtime', `openai-insecure-api-key.${value}`]
    for (const query of ['', `?model=${old}`]) {
      const talk = await converse(t, `${gateway.socketUrl}${base}/realtime${query}`, { subprotocols })
      t.like((await talk.next()).session, { model: old, instructions: 'Always begin with "Aye."' })
    }
    const peer = await openPeer(t)
    const reply = await clientBy(value).realtime.calls.create({ sdp: peer.sdp })
    await peer.connect(await reply.text())
    // The data channel does not pass through the gateway: what upstream says there is upstream's.
    t.like((await peer.until('session.created')).at(-1)?.session, { model: 'voice' })
  })
}

test('an offer names its model by an alias: in the query, or in the form', async t => {
  const gateway = await aliasedGateway(t)
  const inQuery = await openPeer(t)
  const headers = { 'Content-Type': 'application/sdp' }
  const asked = await fetch(`${gateway.url}/v1/realtime/calls?model=${old}`, {
    method: 'POST',
    headers,
    body: inQuery.sdp,
  })
  await inQuery.connect(await asked.text())
  const inForm = await openPeer(t)
  const client = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  const session = { type: 'realtime', model: old } as const
  const reply = await client.realtime.calls.create({ sdp: inForm.sdp, session })
  await inForm.connect(await reply.text())
  for (const peer of [inQuery, inForm])
    t.like((await peer.until('session.created')).at(-1)?.session, { model: 'voice' })
})

test('a key request that names its model at the top level, as for the preview, is held to the same list', async t => {
  const gateway = await aliasedGateway(t)
  const mint = async (body: object) => {
    const answer = await fetch(`${gateway.url}/v1/realtime/client_secrets`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, text: await answer.text() }
  }
  const modelOf = ({ text }: { text: string }) =>
    (JSON.parse(text) as { session: { model: string } }).session.model
  t.is(modelOf(await mint({ model: 'gpt-realtime-2.1' })), 'gpt-realtime-2.1')
  t.is(modelOf(await mint({ model: old, session: { type: 'realtime', voice: undefined } })), old)
  t.is(modelOf(await mint({ model: 'voice', session: { type: 'realtime', model: 'voice' } })), 'voice')
  const unknown = await mint({ model: 'gpt-99' })
  t.is(unknown.status, 404)
  t.regex(unknown.text, /"gpt-99\\" is not configured here/)
  const two = await mint({ model: 'gpt-realtime-2.1', session: { type: 'realtime', model: 'voice' } })
  t.is(two.status, 400)
  t.regex(two.text, /is another than/)
})

test('a fresh start takes every speech model that the simulator knows, and no other', async t => {
  const gateway = await gatewayFor(t)
  for (const model of ['gpt-realtime-2.1', 'gpt-realtime-mini', 'gpt-realtime', 'gpt-realtime-1.5', old]) {
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?model=${model}`)
    t.like((await talk.next()).session, { model })
    const mint = { method: 'POST', headers: { 'Content-Type': 'application/json' } }
    const body = JSON.stringify({ session: { type: 'realtime', model } })
    const answer = await fetch(`${gateway.url}/v1/realtime/client_secrets`, { ...mint, body })
    t.like(await answer.json(), { session: { model } })
  }
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  t.like((await talk.next()).session, { model: 'gpt-realtime-2.1' })
  await t.throwsAsync(converse(t, `${gateway.socketUrl}/v1/realtime?model=gpt-99`), {
    message: /^404 .*"gpt-99\\" is not configured here/,
  })
})
