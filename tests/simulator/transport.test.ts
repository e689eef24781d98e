import { get } from 'node:http'
import { createRequire } from 'node:module'
import { urlToHttpOptions } from 'node:url'
import test from 'ava'
import { faultOf } from '../../runtime/simulator/faults/fault.ts'
import { Refused } from './conversation.ts'
import { createStage, doors } from './stage.ts'

const stage = createStage(test)

const openAiRefusals = [
  {
    what: 'a wrong key',
    path: doors.openai,
    headers: { authorization: 'Bearer bad-key' },
    code: 'invalid_api_key',
    close: 3000,
  },
  {
    what: 'an ephemeral key that was never minted',
    path: doors.openai,
    headers: { authorization: 'Bearer ek_0' },
    code: 'invalid_api_key',
    close: 3000,
  },
  { what: 'no key', path: doors.openai, headers: {}, code: 'invalid_api_key', close: 3000 },
  {
    what: 'an api-key header alone',
    path: doors.openai,
    headers: { 'api-key': 'k' },
    code: 'invalid_api_key',
    close: 3000,
  },
  { what: 'no model', path: '/v1/realtime', code: 'missing_model', close: 4000 },
  { what: 'an unknown model', path: '/v1/realtime?model=gpt-5', code: 'invalid_model', close: 4000 },
  {
    what: 'a beta header',
    path: doors.openai,
    headers: { authorization: 'Bearer sk-x', 'openai-beta': 'realtime=v1' },
    code: 'beta_api_shape_disabled',
    close: 4000,
  },
]

for (const { what, path, headers, code, close } of openAiRefusals) {
  test(`OpenAI's door answers ${what} after the upgrade: ${code}, then close ${close}`, async t => {
    const client = await stage.dial(
      path,
      headers === undefined ? {} : { headers: { ...headers } as Record<string, string> },
    )
    const { error } = await client.next('error')
    t.is(error.code, code)
    t.is(error.type, 'invalid_request_error')
    t.deepEqual(await client.closed(), { code: close, reason: `invalid_request_error.${code}` })
  })
}

const azureRefusals = [
  { what: 'a wrong key', path: doors.azure, headers: { 'api-key': 'bad' }, status: 401, code: '401' },
  { what: 'no key', path: doors.azure, headers: {}, status: 401, code: '401' },
  { what: 'no key on the preview path', path: doors.preview, headers: {}, status: 401, code: '401' },
  {
    what: 'an api-version on the GA path',
    path: `${doors.azure}&api-version=2025-04-01-preview`,
    status: 401,
    code: '401',
  },
  {
    what: 'no api-version on the preview path',
    path: '/openai/realtime?deployment=d',
    status: 404,
    code: '404',
  },
  {
    what: 'a missing deployment',
    path: '/openai/v1/realtime?model=missing-one',
    status: 404,
    code: 'DeploymentNotFound',
  },
  { what: 'no deployment', path: '/openai/v1/realtime', status: 400, code: 'BadRequest' },
  {
    what: 'transcription with a standing key',
    path: '/openai/v1/realtime?intent=transcription',
    status: 401,
    code: 'Unauthorized',
  },
  {
    what: 'an unknown call',
    path: '/openai/v1/realtime?call_id=rtc_1',
    status: 404,
    code: 'call_id_not_found',
  },
]

for (const { what, path, headers, status, code } of azureRefusals) {
  test(`Azure's door answers ${what} before the upgrade: ${status}`, async t => {
    const options = headers === undefined ? {} : { headers: { ...headers } as Record<string, string> }
    const refused = await t.throwsAsync(stage.dial(path, options), { instanceOf: Refused })
    t.is(refused?.status, status)
    t.is(JSON.parse(refused?.body ?? '{}').error.code, code)
  })
}

test('WebRTC is not loaded for those who speak WebSocket alone', async t => {
  const { next, close } = await stage.dial()
  await next('session.created')
  await close()
  const loaded = Object.keys(createRequire(import.meta.url).cache)
  t.deepEqual(
    loaded.filter(file => /node_modules\/(werift|opusscript)\//.test(file)),
    [],
  )
})

test('a browser gets its subprotocol back, and never its key', async t => {
  const { socket, close, next } = await stage.dial(doors.openai, {
    headers: {},
    subprotocols: ['realtime', 'openai-insecure-api-key.sk-1'],
  })
  t.is(socket.protocol, 'realtime')
  await next('session.created')
  await close()
})

for (const path of ['//', '/v1/realtime/calls/%zz/hangup'])
  test(`an upgrade to ${path}, which is no address, is answered 404, and the simulator goes on`, async t => {
    const { url } = await stage.simulator()
    const headers = { connection: 'upgrade', upgrade: 'websocket' }
    const status = await new Promise((resolve, reject) => {
      get({ ...urlToHttpOptions(new URL(url)), path, headers }, response => resolve(response.statusCode)).on(
        'error',
        reject,
      )
    })
    t.is(status, 404)
    const key = { authorization: 'Bearer sk-1' }
    const hangup = await fetch(`${url}/v1/realtime/calls/%zz/hangup`, { method: 'POST', headers: key })
    t.is(hangup.status, 404)
  })

test('a close code that nobody may send is no fault', t => {
  t.is(faultOf('close-1'), null)
  t.is(faultOf('close-1006'), null)
  t.is(faultOf('close-4000')?.fault.value, '4000')
})

test('Azure takes a bearer token, an api-key header and an api-key query value', async t => {
  for (const [query, headers] of [
    ['', { authorization: 'Bearer token' }],
    ['', { 'api-key': 'k' }],
    ['&api-key=k', {}],
  ] as const) {
    const client = await stage.dial(doors.azure + query, {
      headers: { ...headers } as Record<string, string>,
    })
    t.is((await client.next('session.created')).type, 'session.created')
    await client.close()
  }
})
