/** What a refusal of upstream's is explained as, and what of it is repeated: never a credential, whole or masked. */
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import test from 'ava'
import type { ErrorCode } from '../../runtime/core/errors.ts'
import {
  asRefusal,
  brokenProtocol,
  describeError,
  type Ending,
  parseRetryAfter,
  refusalByEvent,
  refusalByStatus,
  unreachable,
} from '../../runtime/upstream/refusal.ts'
import { patienceMs, within } from '../gateway/within.ts'

const tenMinutes = 600_000

test('Retry-After is read as seconds or as a date, and takes nothing out of service for longer than ten minutes', t => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const cases: [value: string | undefined, ms: number | undefined][] = [
    [undefined, undefined],
    ['soon', undefined],
    ['-5', 0],
    ['Infinity', undefined],
    ['0', 0],
    ['0.5', 500],
    ['30', 30_000],
    ['599', 599_000],
    ['601', tenMinutes],
    ['1e300', tenMinutes],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Fri, 01 Jan 2027 00:00:00 GMT', tenMinutes],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ]
  for (const [value, ms] of cases) t.is(parseRetryAfter(value, now), ms, value)
})

const label = 'Azure OpenAI'
/** OpenAI masks a key but for its first eight characters and its last four. */
const longKey = 'sk-proj-0123456789abcdefWXYZ'
const azureKey = { 'api-key': longKey }

/** What is said, and whether a client may be told it, where the dial had these headers. */
const quotations: readonly [
  what: string,
  headers: Record<string, string>,
  said: string,
  isRepeated: boolean,
][] = [
  ['no credential', azureKey, 'The key is wrong.', true],
  ['the whole key', azureKey, `The key ${longKey} is wrong.`, false],
  ['the masked key', azureKey, 'The key sk-proj-****************WXYZ is wrong.', false],
  ['its first eight characters', azureKey, 'The key sk-proj-*** is wrong.', false],
  ['seven of them', azureKey, 'The key k-proj-*** is wrong.', true],
  ['seven of them, from the first', azureKey, 'The key sk-proj*** is wrong.', true],
  ['its last four characters', azureKey, 'The key ***WXYZ is wrong.', false],
  ['three of them', azureKey, 'The key ***XYZ is wrong.', true],
  ['a bearer token', { Authorization: `Bearer ${longKey}` }, 'The key ***WXYZ is wrong.', false],
  [
    'the start of a bearer token',
    { authorization: `Bearer ${longKey}` },
    'The key sk-proj-*** is wrong.',
    false,
  ],
  ['the word before a token', { Authorization: `Bearer ${longKey}` }, 'Bearer tokens are refused.', true],
  ['a header in capital letters', { 'API-KEY': longKey }, 'The key ***WXYZ is wrong.', false],
  ['another header', { 'User-Agent': longKey }, `The client ${longKey} is too old.`, true],
  [
    'a key of 16 characters, masked',
    { 'api-key': '0123456789abcdef' },
    'The key 01234567*** is wrong.',
    false,
  ],
  ['a key of 15, in part', { 'api-key': '0123456789abcde' }, 'The key 0123456789*** is wrong.', true],
  ['a key of 15, whole', { 'api-key': '0123456789abcde' }, 'The key 0123456789abcde is wrong.', false],
  ['a key of eight, whole', { 'api-key': 'wrongkey' }, 'The key wrongkey is wrong.', false],
  ['a key of seven: a word', { 'api-key': 'refused' }, 'The key was refused.', true],
]

const json = 'application/json'

interface Answered {
  status?: number
  contentType?: string | null
  retryAfter?: string
  body: string
  /** The connection ends before the body does. */
  isCut?: boolean
}

/** Has a server answer, and explains what arrives. */
async function refusedBy(
  { status = 401, contentType = json, retryAfter, body, isCut = false }: Answered,
  headers: Record<string, string> = {},
) {
  const server = createServer((_request, response) => {
    response.statusCode = status
    if (contentType !== null) response.setHeader('Content-Type', contentType)
    if (retryAfter !== undefined) response.setHeader('Retry-After', retryAfter)
    if (!isCut) return void response.end(body)
    response.setHeader('Content-Length', Buffer.byteLength(body) + 1)
    response.write(body, () => (response.socket as Socket).destroySoon())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      get({ port, host: '127.0.0.1', agent: false }, resolve).on('error', reject),
    )
    const response = await within(answered, patienceMs, 'the server does not answer')
    return await within(refusalByStatus(label, response, headers), patienceMs, 'the refusal is not read')
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

const errorBody = (error: unknown) => JSON.stringify({ error })

for (const [what, headers, said, isRepeated] of quotations) {
  test(`an answer that quotes ${what} is ${isRepeated ? 'kept' : 'not kept'}`, async t => {
    const body = errorBody({ code: 'wrong_key', message: said })
    const { answer, message } = await refusedBy({ body }, headers)
    t.deepEqual(answer, isRepeated ? { body, contentType: json } : undefined)
    t.is(
      message,
      'Azure OpenAI refused (HTTP 401, wrong_key); check the key and the deployment',
      'of the words nothing is repeated',
    )
  })

  test(`an event that quotes ${what} is ${isRepeated ? 'kept as it is' : 'kept without its message'}`, t => {
    const error = { type: 'invalid_request_error', code: 'wrong_key', message: said, param: 'session.model' }
    const event = JSON.stringify({ type: 'error', event_id: 'event_1', error })
    const { refusal } = refusalByEvent(label, event, { code: 3000, reason: said }, headers)
    t.is(refusal?.close?.reason, isRepeated ? said : '')
    if (isRepeated) return t.is(refusal?.event, event)
    t.deepEqual(JSON.parse(refusal?.event ?? ''), {
      type: 'error',
      event_id: null,
      error: {
        type: 'invalid_request_error',
        code: 'wrong_key',
        message: 'The API refused the credential of the gateway.',
        param: 'session.model',
        event_id: null,
      },
    })
  })
}

test('of an event that quotes a credential, what is no word of the API is left out', t => {
  const error = { type: 7, code: `${longKey} is wrong`, message: longKey, param: null }
  const { refusal } = refusalByEvent(label, errorBody(error), null, azureKey)
  const kept = JSON.parse(refusal?.event ?? '').error
  t.like(kept, { type: null, code: null, param: null })
})

const maxBodyBytes = 16 * 1024
const kept: readonly [what: string, answered: Answered, isKept: boolean][] = [
  ['JSON', { body: '{}' }, true],
  ['JSON in UTF-8', { body: '{}', contentType: 'application/json; charset=utf-8' }, true],
  ['a problem document', { body: '{}', contentType: 'application/problem+json' }, true],
  ['plain text', { body: 'no', contentType: 'text/plain' }, true],
  ['a page', { body: '<html>no</html>', contentType: 'text/html' }, false],
  ['text that says it is JSON further on', { body: 'no', contentType: 'text/html application/json' }, false],
  ['a body of no type', { body: '{}', contentType: null }, false],
  ['no body', { body: '' }, false],
  ['as much as is read', { body: `"${'x'.repeat(maxBodyBytes - 2)}"` }, true],
  ['more than is read', { body: `"${'x'.repeat(maxBodyBytes - 1)}"` }, false],
]
for (const [what, answered, isKept] of kept) {
  test(`an answer of ${what} is ${isKept ? 'kept' : 'not kept'}`, async t => {
    const { code, upstreamStatus, answer } = await refusedBy(answered)
    t.is(code, 'upstream_refused')
    t.is(upstreamStatus, 401)
    const { body, contentType = json } = answered
    t.deepEqual(answer, isKept ? { body, contentType } : undefined)
  })
}

test('of an answer that is longer than is read nothing is kept, wherever its parts end', async t => {
  const parts = [`"${'x'.repeat(maxBodyBytes - 2)}"`, '<html>']
  // Less is asked for than a part holds: each is read by itself.
  const read = function (this: Readable) {
    this.push(parts.shift() ?? null)
  }
  const response = Object.assign(new Readable({ highWaterMark: 1, read }), {
    statusCode: 401,
    headers: { 'content-type': json },
  })
  const { code, answer } = await refusalByStatus(label, response as unknown as IncomingMessage, {})
  t.is(code, 'upstream_refused')
  t.is(answer, undefined)
})

test('a body is read as UTF-8, and one that breaks off leaves the status', async t => {
  const whole = await refusedBy({ body: '{"message":"鍵が違います"}' })
  t.is(whole.answer?.body, '{"message":"鍵が違います"}')
  const cut = await refusedBy({ status: 403, body: '{"error":', isCut: true })
  t.is(cut.code, 'upstream_refused')
  t.is(cut.upstreamStatus, 403)
})

const byStatus: readonly [
  status: number,
  body: string,
  retryAfter: string | undefined,
  explained: [code: ErrorCode, message: string, retryAfterMs?: number],
][] = [
  [
    401,
    '',
    undefined,
    ['upstream_refused', 'Azure OpenAI refused (HTTP 401); check the key and the deployment'],
  ],
  [
    404,
    errorBody({ code: 'DeploymentNotFound' }),
    '9',
    [
      'upstream_refused',
      'Azure OpenAI refused (HTTP 404, DeploymentNotFound); check the key and the deployment',
    ],
  ],
  [
    400,
    errorBody({ code: 'invalid_value', param: 'session.tools[0].name' }),
    undefined,
    [
      'upstream_refused',
      'Azure OpenAI refused (HTTP 400, invalid_value, session.tools[0].name); check what was asked for',
    ],
  ],
  [
    429,
    errorBody({ code: '429' }),
    '30',
    ['upstream_rate_limited', 'Azure OpenAI has no capacity left (HTTP 429); try again later', 30_000],
  ],
  [
    429,
    errorBody({ type: 'insufficient_quota' }),
    undefined,
    [
      'upstream_rate_limited',
      'Azure OpenAI has no capacity left (HTTP 429, insufficient_quota); try again later',
    ],
  ],
  [500, '', undefined, ['upstream_unavailable', 'Azure OpenAI is not available (HTTP 500)']],
  [
    503,
    '{"code":"Busy"}',
    undefined,
    ['upstream_unavailable', 'Azure OpenAI is not available (HTTP 503, Busy)'],
  ],
  [
    499,
    '',
    undefined,
    ['upstream_refused', 'Azure OpenAI refused (HTTP 499); check the key and the deployment'],
  ],
]
for (const [status, body, retryAfter, [code, message, retryAfterMs]] of byStatus) {
  test(`HTTP ${status} with ${body || 'no body'} is ${code}`, async t => {
    const answer = { body, contentType: json }
    const refusal = asRefusal(label, status, body, { retryAfter, answer })
    const expected = { code, message, retryAfterMs, upstreamStatus: status, answer }
    t.like(refusal, expected)
    const arrived = await refusedBy({ status, body, ...(retryAfter !== undefined && { retryAfter }) })
    t.like(arrived, { ...expected, answer: body === '' ? undefined : answer })
  })
}

test('of an error only its code and its parameter are repeated, and only where they are words', t => {
  const cases: [text: string, described: string][] = [
    ['', ''],
    ['no JSON', ''],
    ['null', ''],
    ['"error"', ''],
    ['{"error":"denied"}', ''],
    ['{"error":null}', ''],
    [errorBody({ code: 'a' }), 'a'],
    [errorBody({ type: 'b' }), 'b'],
    [errorBody({ code: 'a', type: 'b' }), 'a'],
    [errorBody({ code: null, type: 'b' }), 'b'],
    ['{"code":"c"}', 'c'],
    [errorBody({ param: 'session.voice' }), 'session.voice'],
    [errorBody({ code: 'a', param: 'session.voice' }), 'a, session.voice'],
    [errorBody({ code: 401 }), ''],
    [errorBody({ code: ['a'] }), ''],
    [errorBody({ code: 'two words' }), ''],
    [errorBody({ code: 'x'.repeat(64) }), 'x'.repeat(64)],
    [errorBody({ code: 'x'.repeat(65) }), ''],
    [errorBody({ param: ['session'] }), ''],
    [errorBody({ param: 'session voice' }), ''],
  ]
  for (const [text, described] of cases) t.is(describeError(text), described, text)
})

const endings: readonly [ending: Ending, close: Ending][] = [
  [null, null],
  [{ code: 1006, reason: '' }, null],
  [
    { code: 1000, reason: 'over' },
    { code: 1000, reason: 'over' },
  ],
  [
    { code: 4001, reason: '' },
    { code: 4001, reason: '' },
  ],
]
const byEvent: readonly [error: Record<string, string>, code: ErrorCode, message: string][] = [
  [
    { code: 'rate_limit_exceeded' },
    'upstream_rate_limited',
    'Azure OpenAI has no capacity left (rate_limit_exceeded); try again later',
  ],
  [{ type: 'server_error' }, 'upstream_unavailable', 'Azure OpenAI is not available (server_error)'],
  [{ code: 'internal_error' }, 'upstream_unavailable', 'Azure OpenAI is not available (internal_error)'],
  [
    { code: 'invalid_api_key', param: 'model' },
    'upstream_refused',
    'Azure OpenAI refused the session (invalid_api_key); check the key and the model',
  ],
  [{}, 'upstream_refused', 'Azure OpenAI refused the session (no code given); check the key and the model'],
]
for (const [error, code, message] of byEvent) {
  test(`an error event of ${JSON.stringify(error)} is ${code}, with upstream's own words and close frame`, t => {
    const event = JSON.stringify({ type: 'error', error })
    for (const [ending, close] of endings)
      t.like(refusalByEvent(label, event, ending, azureKey), { code, message, refusal: { event, close } })
  })
}

test('a connection that cannot be made, and one that breaks, are told apart by their causes', t => {
  const failure = (code?: string): Error & { code?: string } =>
    Object.assign(new Error('x'), code === undefined ? {} : { code })
  const cases: [explain: typeof unreachable, cause: string | undefined, code: ErrorCode, words: string][] = [
    [unreachable, 'ECONNREFUSED', 'upstream_unreachable', 'Azure OpenAI cannot be reached: ECONNREFUSED'],
    [unreachable, undefined, 'upstream_unreachable', 'Azure OpenAI cannot be reached: handshake failed'],
    [
      brokenProtocol,
      'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
      'message_too_big',
      'Azure OpenAI sent an event larger than REALTIME_MAX_MSG_MB',
    ],
    [
      brokenProtocol,
      'WS_ERR_INVALID_UTF8',
      'upstream_broke_protocol',
      'Azure OpenAI broke the WebSocket protocol: WS_ERR_INVALID_UTF8',
    ],
    [brokenProtocol, 'ECONNRESET', 'upstream_lost', 'The connection to Azure OpenAI was lost: ECONNRESET'],
    [brokenProtocol, undefined, 'upstream_lost', 'The connection to Azure OpenAI was lost: reset'],
  ]
  for (const [explain, word, code, message] of cases) {
    const cause = failure(word)
    t.like(explain(label, cause), { code, message, cause })
  }
})
