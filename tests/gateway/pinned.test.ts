/** REALTIME_PIN_SESSION: the instructions that the gateway gives a session are neither shown nor replaced. */
import test from 'ava'
import { request } from '../calls/caller.ts'
import { converse } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const everything = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
const pinned = { ...everything, REALTIME_PIN_SESSION: 'true', CHAT_INSTRUCTIONS: 'the house rules' }
const menu = /Flat white/
const byEphemeral = (token: string) => ({
  subprotocols: ['realtime', `openai-insecure-api-key.${token}`],
})

for (const path of ['/realtime']) {
  for (const dialect of ['ga', 'preview']) {
    test(`${path}, ${dialect}: whatever shows the session, the instructions are blank in it`, async t => {
      const gateway = await gatewayFor(t, { ...pinned, REALTIME_DIALECT: dialect })
      const talk = await converse(t, gateway.socketUrl + path)
      const seen = await talk.until('session.updated')
      talk.send({ type: 'session.update', session: { type: 'realtime', tools: [] } })
      seen.push(...(await talk.until('session.updated')))
      const shown = seen.filter(({ type }) => type.startsWith('session.'))
      t.is(shown.length, 3)
      for (const { session } of shown) t.like(session, { instructions: '' })
      t.notRegex(JSON.stringify(seen), menu)
    })
  }
}

test('extraction from what shows the session finds no instructions either', async t => {
  const gateway = await gatewayFor(t, {
    ...pinned,
    REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'session.*',
    REALTIME_EXTRACT_FIELDS_MAP: 'session.*:session.instructions',
    REALTIME_EXTRACT_ON_FAIL: 'forward',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.notRegex(JSON.stringify(await talk.until('session.updated')), menu)
})

test('an event that shows a session and cannot be read is dropped', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...pinned })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send('{"type":"session.updated","session":{"instructions":"Flat white"')
  session.send({ type: 'response.created' })
  t.notRegex(JSON.stringify(await talk.until('response.created')), menu)
})

for (const [what, message, param] of [
  ['session.update', { type: 'session.update', session: { instructions: 'Mine' } }, 'session.instructions'],
  ['a prompt template', { type: 'session.update', session: { prompt: { id: 'p' } } }, 'session.prompt'],
  [
    'response.create',
    { type: 'response.create', response: { instructions: 'Mine' } },
    'response.instructions',
  ],
] as const) {
  test(`${what}: what would replace the instructions is refused, and the session goes on`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, ...pinned })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    const session = await upstream.session()
    await session.next()
    talk.send(message)
    const { error } = (await talk.until('error')).at(-1) as unknown as { error: object }
    t.like(error, { code: 'forbidden', param })
    talk.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
    t.like(JSON.parse((await session.next()).text), { session: { output_modalities: ['text'] } })
  })
}

test('without the setting clients see the instructions and replace them', async t => {
  const gateway = await gatewayFor(t, everything)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  t.regex(JSON.stringify(await talk.until('session.updated')), menu)
  talk.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Mine' } })
  t.like((await talk.until('session.updated')).at(-1)?.session, { instructions: 'Mine' })
})

test('a key of /sideband has the instructions, and neither its answer nor its sessions show them', async t => {
  const gateway = await gatewayFor(t, pinned)
  const made = await request<{ token: string }>(`${gateway.url}/sideband/ephemeral-key`, { method: 'POST' })
  t.is(made.status, 200)
  t.like(made.body, { raw_response: { session: { instructions: '' } } })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, byEphemeral(made.body.token))
  t.like((await talk.next()).session, { instructions: '' })
  talk.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Mine' } })
  t.like((await talk.until('error')).at(-1), { error: { code: 'forbidden' } })
})

test('a key of /sideband opens no transcription, whose sessions show and change everything', async t => {
  const gateway = await gatewayFor(t, pinned)
  const made = await request<{ token: string }>(`${gateway.url}/sideband/ephemeral-key`, { method: 'POST' })
  const url = `${gateway.socketUrl}/v1/realtime?intent=transcription`
  const refused = await t.throwsAsync(converse(t, url, byEphemeral(made.body.token)))
  t.like(refused, { status: 403 })
  t.regex(refused.message, /minted for something else than transcription/)
})

test('a caller of /sideband brings no instructions of its own where they are pinned', async t => {
  const gateway = await gatewayFor(t, pinned)
  const options = { method: 'POST', body: { instructions: 'Mine' } }
  const refused = await request(`${gateway.url}/sideband/ephemeral-key`, options)
  t.is(refused.status, 403)
  t.regex(String(refused.body.detail), /"instructions" are set by this gateway/)
  const open = await gatewayFor(t, { CHAT_INSTRUCTIONS: 'the house rules' })
  const made = await request(`${open.url}/sideband/ephemeral-key`, options)
  t.like(made.body, { raw_response: { session: { instructions: 'Mine' } } })
})
