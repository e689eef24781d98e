/** Security headers of every answer, and the pages' content policy. */
import test from 'ava'
import { gatewayFor } from '../gateway/start.ts'
import { knockHttp, knockSocket } from './upgrade-attempts.ts'

const onEveryAnswer: Record<string, RegExp> = {
  'content-security-policy': /default-src '(none|self)'.*frame-ancestors 'none'/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^no-referrer$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'cross-origin-opener-policy': /^same-origin-allow-popups$/,
  'permissions-policy': /^microphone=\(self\), camera=\(\), geolocation=\(\)$/,
}

test('every answer carries the security headers, refusals included', async t => {
  const { url } = await gatewayFor(t, { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'alice:the-secret-of-alice' })
  const answers = [
    ...(await Promise.all(
      ['/', '/healthz', '/readyz', '/metrics', '/nowhere', '/chat', '/sideband/config'].map(path =>
        knockHttp(url, { path }),
      ),
    )),
    await knockHttp(url, { path: '/ticket', method: 'POST' }),
    await knockHttp(url, { path: '/healthz', method: 'HEAD' }),
    await knockHttp(url, { path: '/healthz', method: 'DELETE' }),
    await knockSocket(url, { path: '/chat' }),
  ]
  for (const { headers, status } of answers) {
    for (const [name, value] of Object.entries(onEveryAnswer))
      t.regex(String(headers[name]), value, `${status} ${name}`)
  }
})

test('the policy of the pages allows no inline script, no other host and no frame', async t => {
  const { url } = await gatewayFor(t)
  const { headers, body } = await knockHttp(url, { path: '/' })
  const policy = String(headers['content-security-policy'])
  t.notRegex(policy, /unsafe|script-src|https?:|\*/)
  t.regex(policy, /frame-src 'none'; .*object-src 'none'/)
  for (const [, attributes = '', script = ''] of body.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
    t.regex(attributes, /src="\//)
    t.is(script.trim(), '')
  }
  t.notRegex(body, / on[a-z]+="|javascript:/)
})

test('where people sign in with Entra ID, pages know how, and may talk to the sign-in service alone', async t => {
  const tenantId = '11111111-2222-4333-8444-555555555555'
  const { url } = await gatewayFor(t, {
    GATEWAY_AUTH: 'entra',
    ENTRA_TENANT_ID: tenantId,
    ENTRA_AUDIENCE: 'the-api',
    ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
    ENTRA_PAGES_CLIENT_ID: '66666666-7777-4888-8999-000000000000',
  })
  const { headers, body } = await knockHttp(url, { path: '/' })
  const policy = String(headers['content-security-policy'])
  t.regex(policy, /connect-src 'self' https:\/\/login\.microsoftonline\.com;/)
  t.regex(policy, /frame-src https:\/\/login\.microsoftonline\.com; .*frame-ancestors 'self'/)
  t.is(headers['x-frame-options'], 'SAMEORIGIN')
  const meta = /<meta name="gateway" content="([^"]*)"/.exec(body)?.[1] ?? ''
  t.like(JSON.parse(meta.replaceAll('&quot;', '"')), {
    auth: ['entra'],
    entra: {
      clientId: '66666666-7777-4888-8999-000000000000',
      authority: `https://login.microsoftonline.com/${tenantId}`,
      scope: 'api://the-api/Realtime.Use',
    },
  })
})
