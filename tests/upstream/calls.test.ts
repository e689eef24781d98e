/** Requests about calls: what upstream is asked, and what its answers come to. `fetch` is the test's. */
import test from 'ava'
import type { ErrorCode, GatewayError } from '../../runtime/core/errors.ts'
import {
  type Calls,
  type CallsOptions,
  createCalls,
  createTranslationClient,
} from '../../runtime/upstream/calls.ts'
import { azureTarget, openaiTarget, type Target } from '../../runtime/upstream/target.ts'
import { patienceMs, within } from '../gateway/within.ts'

const openai = openaiTarget(new URL('https://api.openai.com/v1'), ['m'])
const azure = azureTarget(new URL('https://name.openai.azure.com'), ['m'], undefined)

interface Asked {
  readonly url: string
  readonly method: string | undefined
  readonly headers: unknown
  readonly body: unknown
  readonly redirect: string | undefined
}

/** A client whose upstream answers so; what it was asked is written down. */
function stage(answer: () => Response | Promise<Response>, options: Partial<CallsOptions> = {}) {
  const asked: Asked[] = []
  const given: CallsOptions = {
    target: openai,
    credential: { headers: async () => ({ Authorization: 'Bearer own' }) },
    timeoutMs: 30_000,
    fetch: async (url, { method, headers, body, redirect } = {}) => {
      asked.push({ url: String(url), method, headers, body, redirect })
      return answer()
    },
    ...options,
  }
  return { asked, calls: createCalls(given), translations: createTranslationClient(given) }
}

const answerOf =
  (status: number, body = '', headers: Record<string, string> = {}) =>
  () =>
    new Response(body, { status, headers })
const passed = { traceparent: 'a trace', Authorization: 'of the client' }
const json = 'application/json'
const key = '{"value":"ek_1","expires_at":2000000000,"session":{"voice":"marin"},"more":1}'
const made = answerOf(201, 'v=0\r\nanswer', { Location: '/v1/realtime/calls/rtc_a-1' })

type Stage = ReturnType<typeof stage>

/** What is done with which answer, what upstream is asked by it, and what it comes to. */
const requests: readonly (readonly [
  what: string,
  target: Target,
  answer: () => Response,
  act: (stage: Stage) => Promise<unknown>,
  asked: {
    readonly path: string
    readonly type?: string
    readonly body: string | null
    readonly by?: string
  },
  result: unknown,
])[] = [
  [
    'a key',
    openai,
    answerOf(200, key),
    ({ calls }) => calls.mintKey({ session: { voice: 'marin' } }, passed),
    { path: '/v1/realtime/client_secrets', type: json, body: '{"session":{"voice":"marin"}}' },
    { value: 'ek_1', expiresAt: 2_000_000_000, raw: JSON.parse(key) },
  ],
  [
    'a key for translations',
    openai,
    answerOf(200, '{"value":"e","expires_at":1}'),
    ({ translations }) => translations.mintKey({ session: {} }, passed),
    { path: '/v1/realtime/translations/client_secrets', type: json, body: '{"session":{}}' },
    { value: 'e', expiresAt: 1, raw: { value: 'e', expires_at: 1 } },
  ],
  ...(
    [
      [openai, true, '/v1/realtime/calls'],
      [azure, true, '/openai/v1/realtime/calls?webrtcfilter=on'],
      [azure, false, '/openai/v1/realtime/calls'],
    ] as const
  ).map(
    ([target, filtered, path]) =>
      [
        `an offer at ${target.label}, ${filtered ? 'filtered' : 'whole'}`,
        target,
        made,
        ({ calls }: Stage) => calls.offer('v=0\r\noffer', 'ek_1', filtered, passed),
        { path, type: 'application/sdp', body: 'v=0\r\noffer', by: 'Bearer ek_1' },
        { sdp: 'v=0\r\nanswer', callId: 'rtc_a-1' },
      ] as const,
  ),
  [
    'an offer whose call has a slash behind its id',
    openai,
    answerOf(201, 'v=0', { Location: 'https://x/calls/rtc_2/' }),
    ({ calls }) => calls.offer('v=0', 'ek_1', false, passed),
    { path: '/v1/realtime/calls', type: 'application/sdp', body: 'v=0', by: 'Bearer ek_1' },
    { sdp: 'v=0', callId: 'rtc_2' },
  ],
  [
    'an offer of a translation',
    openai,
    answerOf(201, 'v=0', { Location: '/v1/realtime/translations/calls/any_id' }),
    ({ translations }) => translations.offer('v=0', 'ek_1', passed),
    { path: '/v1/realtime/translations/calls', type: 'application/sdp', body: 'v=0', by: 'Bearer ek_1' },
    { sdp: 'v=0', callId: 'any_id' },
  ],
  [
    'an offer of a translation whose call has no id',
    openai,
    answerOf(201, 'v=0'),
    ({ translations }) => translations.offer('v=0', 'ek_1', passed),
    { path: '/v1/realtime/translations/calls', type: 'application/sdp', body: 'v=0', by: 'Bearer ek_1' },
    { sdp: 'v=0', callId: null },
  ],
  ...(
    [
      ['hangup', (calls: Calls) => calls.hangUp('rtc/1', passed), null],
      [
        'accept',
        (calls: Calls) => calls.accept('rtc/1', { type: 'realtime' }, passed),
        '{"type":"realtime"}',
      ],
      ['reject', (calls: Calls) => calls.reject('rtc/1', 486, passed), '{"status_code":486}'],
      ['reject', (calls: Calls) => calls.reject('rtc/1', undefined, passed), '{}'],
      [
        'refer',
        (calls: Calls) => calls.refer('rtc/1', 'tel:+15550123', passed),
        '{"target_uri":"tel:+15550123"}',
      ],
    ] as const
  ).map(
    ([action, act, body]) =>
      [
        `${action} with ${body ?? 'nothing'}`,
        openai,
        answerOf(200),
        ({ calls }: Stage) => act(calls),
        { path: `/v1/realtime/calls/rtc%2F1/${action}`, body, ...(body !== null && { type: json }) },
        true,
      ] as const,
  ),
]

for (const [what, target, answer, act, { path, type, body, by = 'Bearer own' }, result] of requests) {
  test(`${what}: upstream is asked ${path}`, async t => {
    const staged = stage(answer, { target })
    t.deepEqual(await act(staged), result)
    const headers = {
      ...{ traceparent: 'a trace', Authorization: by },
      ...(type !== undefined && { 'Content-Type': type }),
    }
    const url = new URL(path, target.baseUrl).href
    t.deepEqual(staged.asked, [{ url, method: 'POST', headers, body, redirect: 'error' }])
  })
}

const actions: readonly (readonly [what: string, act: (calls: Calls) => Promise<boolean>])[] = [
  ['hang up', calls => calls.hangUp('rtc_1')],
  ['accept', calls => calls.accept('rtc_1', {})],
  ['reject', calls => calls.reject('rtc_1')],
  ['refer', calls => calls.refer('rtc_1', 'tel:+15550123')],
]

for (const [what, act] of actions) {
  test(`to ${what} a call that upstream does not know does nothing, and any other refusal is told`, async t => {
    t.false(await act(stage(answerOf(404)).calls))
    await t.throwsAsync(act(stage(answerOf(403)).calls), { code: 'upstream_refused' })
    await t.throwsAsync(act(stage(answerOf(500)).calls), { code: 'upstream_unavailable' })
  })
}

const offer = ({ calls }: Stage) => calls.offer('v=0', 'ek_1', false)
const translate = ({ translations }: Stage) => translations.offer('v=0', 'ek_1')
const mint = ({ calls }: Stage) => calls.mintKey({ session: {} })
const fails = (fault: unknown) => () => Promise.reject(fault)
const network = (code?: string) =>
  new TypeError('fetch failed', code === undefined ? {} : { cause: Object.assign(new Error('x'), { code }) })
const rtc = { Location: '/rtc_1' }

/** How an upstream answers that gives no call, or no key, and what that is told as. */
const failures: readonly (readonly [
  what: string,
  act: (stage: Stage) => Promise<unknown>,
  answer: () => Response | Promise<Response>,
  code: ErrorCode,
  words: RegExp,
])[] = [
  ['no SDP', offer, answerOf(201, 'hello', rtc), 'upstream_broke_protocol', /OpenAI was asked for a call/],
  ['no id of the call', offer, answerOf(201, 'v=0'), 'upstream_broke_protocol', /asked for a call/],
  [
    'an id of another kind',
    offer,
    answerOf(201, 'v=0', { Location: '/calls/x1' }),
    'upstream_broke_protocol',
    /a call/,
  ],
  [
    'no SDP of a translation',
    translate,
    answerOf(201, 'hello'),
    'upstream_broke_protocol',
    /asked for a call/,
  ],
  ['a redirect that was followed', offer, answerOf(302, 'v=0', rtc), 'upstream_refused', /HTTP 302/],
  ['no JSON', mint, answerOf(200, '<html>'), 'upstream_broke_protocol', /asked for an ephemeral key/],
  [
    'an empty key',
    mint,
    answerOf(200, '{"value":"","expires_at":1}'),
    'upstream_broke_protocol',
    /ephemeral key/,
  ],
  ['a key without end', mint, answerOf(200, '{"value":"ek"}'), 'upstream_broke_protocol', /ephemeral key/],
  [
    'a session that is none',
    mint,
    answerOf(200, '{"value":"ek","expires_at":1,"session":[]}'),
    'upstream_broke_protocol',
    /ephemeral key/,
  ],
  [
    'more than may be read',
    offer,
    answerOf(201, `v=${'a'.repeat(256 * 1024 - 1)}`, rtc),
    'upstream_broke_protocol',
    /more than 262144 bytes/,
  ],
  ['429', offer, answerOf(429, '', { 'Retry-After': '7' }), 'upstream_rate_limited', /no capacity/],
  [
    'a network that is away',
    mint,
    fails(network('ECONNREFUSED')),
    'upstream_unreachable',
    /reached: ECONNREFUSED$/,
  ],
  ['a fault without a cause', mint, fails(network()), 'upstream_unreachable', /reached: no connection$/],
  ['what is no error', mint, fails('gone'), 'upstream_unreachable', /reached: no connection$/],
  [
    'another DOMException',
    mint,
    fails(new DOMException('x', 'AbortError')),
    'upstream_unreachable',
    /OpenAI cannot be reached: no connection$/,
  ],
  [
    'an error of that name',
    mint,
    fails(Object.assign(new Error('x'), { name: 'TimeoutError' })),
    'upstream_unreachable',
    /no connection$/,
  ],
]

for (const [what, act, answer, code, words] of failures) {
  test(`an answer with ${what} is ${code}`, async t => {
    const error = await t.throwsAsync<GatewayError>(act(stage(answer)), { code, message: words })
    if (code === 'upstream_rate_limited') t.is(error?.retryAfterMs, 7000)
    if (code === 'upstream_unreachable') t.not(error?.cause, undefined)
  })
}

test('an answer of just the limit is read', async t => {
  const sdp = `v=${'a'.repeat(256 * 1024 - 2)}`
  t.is((await stage(answerOf(201, sdp, rtc)).calls.offer('v=0', 'ek_1', false)).sdp, sdp)
})

test('an upstream that does not answer in time is told as such, and its request is given up', async t => {
  const given = Promise.withResolvers<void>()
  const fetch: CallsOptions['fetch'] = (_url, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => {
        given.resolve()
        reject(init.signal?.reason)
      })
    })
  // The deadline alone keeps no process, and a test ends with its process.
  const asked = within(mint(stage(answerOf(200), { fetch, timeoutMs: 20 })), patienceMs, 'it is still asked')
  const error = await t.throwsAsync<GatewayError>(asked, {
    code: 'upstream_timeout',
    message: 'OpenAI did not answer within 20 ms',
  })
  t.like(error?.cause, { name: 'TimeoutError' })
  await given.promise
})

test('a credential that cannot be had is told as such, and upstream is not asked', async t => {
  const { calls, asked } = stage(answerOf(200), { credential: { headers: fails(new Error('away')) } })
  for (const [, act] of actions) await t.throwsAsync(act(calls), { code: 'credential_unavailable' })
  await t.throwsAsync(calls.mintKey({ session: {} }), { code: 'credential_unavailable' })
  t.deepEqual(asked, [])
})
