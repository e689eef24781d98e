/** Signatures of webhooks: what is taken for signed, and every way in which a webhook is not. */
import { createHmac } from 'node:crypto'
import test from 'ava'
import OpenAI from 'openai'
import {
  checkSignature,
  readSignature,
  type SignatureFault,
  toleranceSec,
} from '../../runtime/access/webhook-signature.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { signWebhook } from '../../runtime/simulator/telephone/webhook.ts'

const secret = `whsec_${Buffer.from('the signing secret of this test').toString('base64')}`
const other = `whsec_${Buffer.from('the secret that comes after it').toString('base64')}`
const keysOf = (secrets: string) => readConfig({ OPENAI_WEBHOOK_SECRET: secrets }).calls.webhookKeys

const nowSec = Math.floor(Date.now() / 1000)
const body = '{"type":"realtime.call.incoming","data":{"call_id":"rtc_1"}}'

/** Verifies as the gateway does. */
function verify(
  given: Record<string, string>,
  text: string | Buffer = body,
  secrets = secret,
  now = nowSec * 1000,
) {
  checkSignature(readSignature(new Map(Object.entries(given)), now), Buffer.from(text), keysOf(secrets))
}

const signed = (at = nowSec, by = secret) => signWebhook(by, 'wh_1', at, body).headers

test('what a vendor signs is taken: by this secret, by either of two, by a secret that is plain text', t => {
  t.notThrows(() => verify(signed()))
  t.notThrows(() => verify(signed(), body, `${other},${secret}`))
  t.notThrows(() => verify(signed(nowSec, 'a secret of plain text'), body, 'a secret of plain text'))
  const rotating = [signed(nowSec, other), signed()].map(headers => headers['webhook-signature']).join(' ')
  t.notThrows(() => verify({ ...signed(), 'webhook-signature': rotating }))
  t.notThrows(() => verify({ ...signed(), 'webhook-signature': `v2,abc v1,AAAA ${rotating}` }))
})

/** What the log says of a webhook that is not signed; its sender is told none of it. */
const reasons: readonly (readonly [
  fault: SignatureFault,
  reason: string,
  headers: Record<string, string>,
])[] = [
  [
    'missing_header',
    'missing required header: webhook-id',
    { 'webhook-timestamp': '1', 'webhook-signature': 'v1,' },
  ],
  [
    'missing_header',
    'missing required header: webhook-timestamp',
    { 'webhook-id': 'a', 'webhook-signature': 'v1,' },
  ],
  [
    'missing_header',
    'missing required header: webhook-signature',
    { 'webhook-id': 'a', 'webhook-timestamp': '1' },
  ],
  ['malformed_header', 'webhook-id is malformed', { ...signed(), 'webhook-id': ' ' }],
  ['malformed_header', 'webhook-timestamp is malformed', { ...signed(), 'webhook-timestamp': 'x' }],
  ['too_old', 'webhook-timestamp is too old', signed(nowSec - toleranceSec - 1)],
  ['too_new', 'webhook-timestamp is too new', signed(nowSec + toleranceSec + 1)],
  [
    'no_signature',
    'webhook-signature holds no signature of version 1',
    { ...signed(), 'webhook-signature': 'v2,AAAA' },
  ],
  ['wrong_signature', 'no signature fits', signed(nowSec, other)],
]

for (const [fault, reason, headers] of reasons) {
  test(`the cause of a refusal is told to the log alone: ${reason}`, t => {
    const error = t.throws(() => verify(headers), { code: 'unauthorized' })
    t.like(error?.cause, { name: 'SignatureError', fault, message: reason })
    t.notRegex(error?.message ?? '', new RegExp(reason))
  })
}

test('the time may be off by five minutes, and not by a second more', t => {
  t.is(toleranceSec, 300)
  for (const off of [-toleranceSec, toleranceSec]) t.notThrows(() => verify(signed(nowSec + off)))
  for (const off of [-toleranceSec - 1, toleranceSec + 1])
    t.throws(() => verify(signed(nowSec + off)), { code: 'unauthorized' })
})

test('of the signatures of one webhook sixteen are looked at', t => {
  const behind = (count: number) => ({
    ...signed(),
    'webhook-signature': `${'v1,AAAA '.repeat(count)}${signed()['webhook-signature']}`,
  })
  t.notThrows(() => verify(behind(15)))
  t.throws(() => verify(behind(16)), { code: 'unauthorized' })
})

test('bytes that are no text are signed as they are', t => {
  const bytes = Buffer.from([0xff, 0x00, 0xc3])
  const mac = createHmac('sha256', keysOf(secret)[0] ?? '')
    .update(`wh_1.${nowSec}.`)
    .update(bytes)
    .digest('base64')
  t.notThrows(() => verify({ ...signed(), 'webhook-signature': `v1,${mac}` }, bytes))
})

const good = signed()
const without = (name: string) => {
  const { [name]: _, ...rest } = good
  return rest
}
const forgeries: [what: string, headers: Record<string, string>, text?: string, secrets?: string][] = [
  ['no webhook-id', without('webhook-id')],
  ['no webhook-timestamp', without('webhook-timestamp')],
  ['no webhook-signature', without('webhook-signature')],
  ['an empty webhook-id', { ...good, 'webhook-id': '' }],
  ['another webhook-id', { ...good, 'webhook-id': 'wh_2' }],
  ['a webhook-id with white space', { ...good, 'webhook-id': 'wh 1' }],
  ['a webhook-id of a kilobyte', { ...good, 'webhook-id': 'w'.repeat(1024) }],
  ['another time', { ...good, 'webhook-timestamp': String(nowSec + 1) }],
  ['a time that begins with a number', { ...good, 'webhook-timestamp': `${nowSec}x` }],
  ['a negative time', { ...good, 'webhook-timestamp': `-${nowSec}` }],
  ['a time in milliseconds', { ...good, 'webhook-timestamp': `${nowSec}000` }],
  ['another body', good, `${body} `],
  ['an empty body', good, ''],
  ['another secret', signed(nowSec, other)],
  ['a secret that was taken out', good, body, other],
  ['an empty signature', { ...good, 'webhook-signature': '' }],
  ['no version', { ...good, 'webhook-signature': (good['webhook-signature'] ?? '').slice(3) }],
  [
    'another version',
    { ...good, 'webhook-signature': (good['webhook-signature'] ?? '').replace('v1', 'v2') },
  ],
  ['half of a signature', { ...good, 'webhook-signature': (good['webhook-signature'] ?? '').slice(0, 24) }],
  [
    'a signature behind very many',
    { ...good, 'webhook-signature': `${'v1,AAAA '.repeat(1000)}${good['webhook-signature']}` },
  ],
  [
    'the secret used as text',
    {
      ...good,
      'webhook-signature': `v1,${createHmac('sha256', secret).update(`wh_1.${nowSec}.${body}`).digest('base64')}`,
    },
  ],
]

for (const [what, headers, text, secrets] of forgeries) {
  test(`not signed: ${what}`, t => {
    t.throws(() => verify(headers, text, secrets), { code: 'unauthorized' })
  })
}

test("openai's client is of the same mind", async t => {
  const client = new OpenAI({ apiKey: 'sk', webhookSecret: secret })
  await t.notThrowsAsync(client.webhooks.unwrap(body, signed()))
  await t.throwsAsync(client.webhooks.unwrap(body, signed(nowSec, other)))
  await t.throwsAsync(client.webhooks.unwrap(body, signed(nowSec - toleranceSec - 2)))
})
