/** Every secret is set to a marked value and every path is tried; the mark appears nowhere. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { fakeUpstream } from '../gateway/start.ts'
import { audience, startAuthority, tenantId } from './authority.ts'
import { knockHttp, knockSocket } from './upgrade-attempts.ts'

const mark = 'MARKED'
const alice = `${mark}-alices-secret`
const bob = `${mark}-bobs-secret`

/** What no one may read anywhere: the marks, and what could be computed from them. */
function leaks(text: string, more: readonly string[]): string[] {
  const hash = createHash('sha256').update(bob).digest('hex')
  return [mark, btoa(alice), encodeURIComponent(alice), hash, ...more].filter(word => text.includes(word))
}

test('marked secrets appear in no log line, no answer, no page and no metric, on any path, errors included', async t => {
  const authority = await startAuthority(t)
  let refusing = false
  const upstream = await fakeUpstream(t, {
    refuse: () =>
      refusing
        ? { status: 401, body: `{"error":{"code":"bad_key","message":"Bad key ${mark}-azure"}}` }
        : null,
  })
  const gateway = await gatewayProcess(t, {
    LOG_LEVEL: 'trace',
    AZURE_OPENAI_ENDPOINT: upstream.env.AZURE_OPENAI_ENDPOINT ?? '',
    AZURE_OPENAI_API_KEY: `${mark}-azure-key`,
    OPENAI_API_KEY: `${mark}-openai-key`,
    OPENAI_WEBHOOK_SECRET: `${mark}-webhook-secret`,
    GATEWAY_AUTH: 'key,entra',
    GATEWAY_API_KEYS: `alice:${alice},bob:sha256:${createHash('sha256').update(bob).digest('hex')}`,
    ENTRA_TENANT_ID: tenantId,
    ENTRA_AUDIENCE: audience,
    ENTRA_AUTHORITY: authority.url.origin,
    REALTIME_ALLOWED_EVENT_TYPES: '*',
  })
  const answers: string[] = []
  const token = await authority.sign()
  const badTokens = [
    await authority.sign({ aud: mark }),
    await authority.sign({ exp: authority.now - 9999 }),
    `${token.slice(0, -4)}AAAA`,
  ]
  const secrets = [alice, bob, `${mark}-wrong`, token, ...badTokens]
  const places = (secret: string) => [
    { headers: { Authorization: `Bearer ${secret}` } },
    { headers: { Authorization: `Basic ${btoa(secret)}` } },
    { headers: { 'api-key': secret } },
    { headers: { Cookie: `key=${secret}` } },
    { subprotocols: ['realtime', `openai-insecure-api-key.${secret}`] },
    { query: `?ticket=${secret}` },
    { query: `?api-key=${secret}&model=${secret}` },
    { headers: { Origin: `https://${mark}.example` }, query: `?call_id=${secret}` },
  ]
  const note = (answer: { headers: object; body: string }) =>
    answers.push(JSON.stringify(answer.headers), answer.body)
  const paths = [
    '/',
    '/nowhere',
    '/healthz',
    '/readyz',
    '/metrics',
    '/chat',
    '/v1/realtime',
    '/sideband/config',
  ]
  for (const secret of secrets) {
    for (const { query = '', ...shown } of places(secret)) {
      for (const path of paths) {
        if (!('subprotocols' in shown))
          note(await knockHttp(gateway.url, { path: `${path}${query}`, ...shown }))
      }
      for (const path of ['/chat', '/realtime', '/v1/realtime', '/openai/realtime', '/sideband/control/x'])
        note(await knockSocket(gateway.url, { path: `${path}${query}`, ...shown }))
      for (const path of [
        '/ticket',
        '/sideband/session',
        '/sideband/offer',
        '/sideband/ephemeral-key',
        '/webhooks/realtime',
      ])
        note(
          await knockHttp(gateway.url, {
            method: 'POST',
            path: `${path}${query}`,
            ...shown,
            body: `{"x":"${secret}`,
          }),
        )
    }
  }
  refusing = true
  const talk = await converse(t, `${gateway.socketUrl}/realtime`, { headers: { 'api-key': alice } })
  answers.push((await talk.nextFrame()).text, JSON.stringify(await talk.closed))
  const refused = await knockSocket(gateway.url, { path: '/v1/realtime', headers: { 'api-key': alice } })
  t.is(refused.status, 401)
  note(refused)
  const metrics = await knockHttp(gateway.url, { path: '/metrics', headers: { 'api-key': alice } })
  t.is(metrics.status, 200)
  note(metrics)
  const signature = token.split('.')[2] ?? ''
  // Lines come later than answers: all are there once the process is gone.
  gateway.child.kill('SIGTERM')
  const { stderr } = await gateway.exited
  const logged = gateway.lines.map(line => JSON.stringify(line)).join('\n')
  t.true(logged.includes('access.refused') && logged.includes('upstream.failed'))
  // An origin is no secret: it is logged, so that an operator can allow it.
  const log = logged
    .replaceAll(`https://${mark.toLowerCase()}.example`, '')
    .replaceAll(`https://${mark}.example`, '')
  for (const answer of answers) t.deepEqual(leaks(answer, [token, signature]), [], answer.slice(0, 300))
  t.deepEqual(leaks(log, [token, signature]), [])
  t.deepEqual(leaks(stderr, [token, signature]), [])
})

test('a start that fails on a secret in the wrong place does not tell it', async t => {
  // As long as a secret is at least: shorter values are shown.
  const secret = `${mark}-0123456789`
  const gateway = gatewayProcess(t, {
    AZURE_OPENAI_ENDPOINT: `${secret}-endpoint`,
    GATEWAY_AUTH: secret,
    ENTRA_AUTHORITY: `https://user:${secret}@`,
    GATEWAY_API_KEYS: secret,
    TRUSTED_PROXIES: secret,
    ALLOWED_ORIGINS: secret,
    AZURE_OPENAI_AUTH: secret,
  })
  const fault = (await t.throwsAsync(gateway)) as Error
  t.deepEqual(leaks(`${fault.message}`, []), [])
})
