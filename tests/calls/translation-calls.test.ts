/** Calls that translate, from a real Chromium through the gateway, and over upstreams that do as they are told. */
import { readFile } from 'node:fs/promises'
import test from 'ava'
import { stageOf } from '../gateway/file-stage.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { openStall, type Stall } from '../simulator/chromium.ts'
import type {} from '../simulator/page-call.ts'
import { type CallUpstream, callUpstream } from './call-upstream.ts'

const caller = await readFile(new URL('../simulator/caller.js', import.meta.url), 'utf8')
const stage = stageOf(test)
const model = 'gpt-realtime-translate'
const backend = { Authorization: 'Bearer the-secret-of-the-backend', 'Content-Type': 'application/json' }
let gateway: TestGateway
let stall: Stall

test.before(async () => {
  gateway = await gatewayFor(stage, {
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'backend:the-secret-of-the-backend',
    TRANSLATION_CALLS_METERED: 'true',
  })
  stall = await openStall('Good morning to everybody out there')
  stage.teardown(() => stall.close())
})

for (const base of ['/v1/realtime/translations', '/openai/v1/realtime/translations']) {
  test.serial(`${base}: a browser with a minted key is translated, and its seconds are counted`, async t => {
    const body = JSON.stringify({ session: { model, audio: { output: { language: 'es' } } } })
    const made = await fetch(`${gateway.url}${base}/client_secrets`, {
      method: 'POST',
      headers: backend,
      body,
    })
    const { value } = (await made.json()) as { value: string }
    const page = await stall.page()
    await page.addScriptTag({ content: caller })
    const { created, loudness, location, closed } = await page.evaluate(
      async ([url, key]) => {
        const call = await globalThis.call(url, key)
        const { session } = await call.event('session.created')
        const loud = await call.heard()
        await call.event('session.output_transcript.delta')
        call.send({ type: 'session.close' })
        const { type } = await call.event('session.closed')
        return { created: session, loudness: loud, location: call.location, closed: type }
      },
      [`${gateway.url}${base}/calls`, value] as const,
    )
    await page.close()
    t.like(created, { type: 'translation', model, audio: { output: { language: 'es' } } })
    t.true(loudness > 0.01)
    t.is(closed, 'session.closed')
    t.true(location.startsWith(`${base}/calls/rtc_`))
    const isNew = (fields: Record<string, unknown>) => !ended.has(String(fields.session_id))
    const { fields } = await gateway.logged('session.ended', isNew)
    ended.add(String(fields.session_id))
    t.like(fields, { principal: 'key:backend', route: 'call', ended_by: 'upstream', error: null })
    t.regex(JSON.stringify(fields.usage), /"gpt-realtime-translate".*"translation_seconds":(?!0[,}])[\d.]+/)
    const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: backend })).text()
    t.regex(metrics, /^gateway_translation_seconds_total\S* (?!0$)\S+$/m)
  })
}

/** Sessions whose end was read. */
const ended = new Set<string>()

const offer = { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: 'v=0\r\n' }

function call({ url }: TestGateway): Promise<Response> {
  return fetch(`${url}/v1/realtime/translations/calls`, offer)
}

async function before(
  t: Parameters<typeof callUpstream>[0],
  env: Record<string, string>,
): Promise<{ upstream: CallUpstream; own: TestGateway }> {
  const upstream = await callUpstream(t)
  upstream.location = '/v1/realtime/translations/calls/any_id-1'
  return { upstream, own: await gatewayFor(t, { ...upstream.env, ...env }) }
}

const limited = { LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '1000', TRANSLATION_CALLS_METERED: 'true' }

test('upstream is joined where it is asked for alone', async t => {
  const metered = await before(t, { TRANSLATION_CALLS_METERED: 'true' })
  t.is((await call(metered.own)).headers.get('location'), '/v1/realtime/translations/calls/any_id-1')
  await metered.upstream.joined()
  t.is(metered.upstream.joins, 1)
  const { upstream, own } = await before(t, {})
  t.is((await call(own)).status, 201)
  t.is((await call(own)).status, 201)
  t.is(upstream.joins, 0)
})

test('an upstream that names no call is passed on as it is; where tokens are limited the call is not made', async t => {
  const { upstream, own } = await before(t, { TRANSLATION_CALLS_METERED: 'true' })
  upstream.location = null
  const answer = await call(own)
  t.is(answer.status, 201)
  t.is(answer.headers.get('location'), null)
  t.is(await answer.text(), 'v=0\r\nanswer')
  const strict = await before(t, limited)
  strict.upstream.location = null
  t.is((await call(strict.own)).status, 502)
})

test('where tokens are limited, a call that cannot be joined is hung up', async t => {
  const { upstream, own } = await before(t, limited)
  upstream.joinStatus = 403
  t.is((await call(own)).status, 201)
  t.is(await upstream.hungUp(), '/openai/v1/realtime/calls/any_id-1/hangup')
  const { fields } = await own.logged('translation.call.unmetered')
  t.like(fields, { call_id: 'any_id-1' })
})

test('the preview form of Azure has no translations, and says so', async t => {
  const { upstream, own } = await before(t, { AZURE_OPENAI_API_VERSION: '2025-04-01-preview' })
  for (const answer of [
    await call(own),
    await fetch(`${own.url}/v1/realtime/translations/client_secrets`, { method: 'POST', body: '{}' }),
  ]) {
    t.is(answer.status, 404)
    t.regex(await answer.text(), /The preview form of the API/)
  }
  t.deepEqual(upstream.asked, [])
})
