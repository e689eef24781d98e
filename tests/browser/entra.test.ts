import test, { type ExecutionContext } from 'ava'
import type { Browser, Page, Route } from 'playwright-core'
import { launchChromium, textOf, until, type Visit, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

const tenant = '11111111-2222-3333-4444-555555555555'
const clientId = '66666666-7777-8888-9999-000000000000'
const authority = `https://login.microsoftonline.com/${tenant}`
const accessToken = 'the.access.token'
const entra = {
  GATEWAY_AUTH: 'entra',
  ENTRA_TENANT_ID: tenant,
  ENTRA_AUDIENCE: 'api://gateway',
  ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
}

let browser: Browser
let gateway: Gateway

test.before(async () => {
  gateway = await startGateway(0, { ...entra, ENTRA_PAGES_CLIENT_ID: clientId })
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const json = (route: Route, body: object) =>
  route.fulfill({ json: body, headers: { 'Access-Control-Allow-Origin': '*' } })

/** Says where the sign-in service does what. */
async function playDirectory(page: Page): Promise<void> {
  await page.route('**/.well-known/openid-configuration*', route =>
    json(route, {
      issuer: `${authority}/v2.0`,
      authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
      token_endpoint: `${authority}/oauth2/v2.0/token`,
      jwks_uri: `${authority}/discovery/v2.0/keys`,
    }),
  )
  await page.route('**/discovery/instance*', route =>
    json(route, {
      tenant_discovery_endpoint: `${authority}/v2.0/.well-known/openid-configuration`,
      metadata: [],
    }),
  )
}

/** Takes the sign-in service's place: sends the person back at once, and answers for the code. */
async function playSignInService(page: Page): Promise<{ nonce: string; scopes: string[] }> {
  const seen = { nonce: '', scopes: [] as string[] }
  await playDirectory(page)
  await page.route('**/oauth2/v2.0/authorize?*', route => {
    const asked = new URL(route.request().url()).searchParams
    seen.nonce = asked.get('nonce') ?? ''
    seen.scopes = (asked.get('scope') ?? '').split(' ')
    const back = `${asked.get('redirect_uri')}#code=the-code&state=${encodeURIComponent(asked.get('state') ?? '')}`
    const body = `<meta http-equiv="refresh" content="0;url=${back.replaceAll('&', '&amp;')}">`
    return route.fulfill({ contentType: 'text/html', body })
  })
  await page.route('**/oauth2/v2.0/token*', route => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { aud: clientId, iss: `${authority}/v2.0`, oid: 'o', sub: 's', tid: tenant, ver: '2.0' }
    const person = {
      ...claims,
      nonce: seen.nonce,
      iat: now,
      exp: now + 3600,
      preferred_username: 'anna@example.com',
    }
    return json(route, {
      token_type: 'Bearer',
      scope: seen.scopes.join(' '),
      expires_in: 3600,
      access_token: accessToken,
      id_token: `${base64url({ alg: 'none' })}.${base64url(person)}.`,
      client_info: base64url({ uid: 'o', utid: tenant }),
    })
  })
  return seen
}

/** Opens the page of a gateway of its own, in front of a sign-in service that the test plays. */
async function visitOther(t: ExecutionContext, env: Record<string, string>): Promise<Visit> {
  const other = await startGateway(0, { ...entra, ...env })
  t.teardown(() => other.stop())
  return visit(t, browser, other.url, { ready: 'Sign-in needed' })
}

test.serial('where Entra ID is required the person signs in, and the token buys the ticket', async t => {
  const { page } = await visit(t, browser, gateway.url, { ready: 'Sign-in needed' })
  const service = await playSignInService(page)
  const credentials: (string | undefined)[] = []
  await page.route('**/ticket', route => {
    credentials.push(route.request().headers().authorization)
    return route.fulfill({ json: { ticket: 'TICKET', expires_in: 60 } })
  })
  const dials: string[] = []
  await page.routeWebSocket('**/chat*', socket => {
    dials.push(socket.url())
  })
  t.true(await page.getByLabel('Key', { exact: true }).isHidden())
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await page.getByText('Connected', { exact: true }).waitFor()
  t.deepEqual(credentials, [`Bearer ${accessToken}`])
  t.is(new URL(dials[0] ?? '').searchParams.get('ticket'), 'TICKET')
  t.true(service.scopes.some(scope => scope.endsWith('/Realtime.Use')))
  t.is(await page.evaluate('Object.values(localStorage).join().includes("the.access.token")'), false)
  await until(page, "location.hash === ''")
})

test.serial('who declines the sign-in is told so, and can sign in after all', async t => {
  const { page, faults } = await visit(t, browser, gateway.url, { ready: 'Sign-in needed' })
  await playDirectory(page)
  await page.route('**/oauth2/v2.0/authorize?*', route => {
    const asked = new URL(route.request().url()).searchParams
    const back = new URL(asked.get('redirect_uri') ?? '')
    back.hash = String(
      new URLSearchParams({
        error: 'access_denied',
        error_description: 'The person declined',
        state: asked.get('state') ?? '',
      }),
    )
    const body = `<meta http-equiv="refresh" content="0;url=${back.href.replaceAll('&', '&amp;')}">`
    return route.fulfill({ contentType: 'text/html', body })
  })
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  await page.getByRole('alert').getByText('The person declined').waitFor()
  t.is(await page.locator('#line-words').textContent(), 'Sign-in needed')
  t.true(await page.getByRole('button', { name: 'Sign in with Microsoft' }).isVisible())
  t.deepEqual(
    faults.filter(fault => fault.startsWith('exception')),
    [],
  )
})

test.serial('a page that was not loaded securely says why nobody can sign in on it', async t => {
  const other = await startGateway(0, { ...entra, ENTRA_PAGES_CLIENT_ID: clientId, HOST: '0.0.0.0' })
  t.teardown(() => other.stop())
  const insecure = await launchChromium(['--host-resolver-rules=MAP gateway.test 127.0.0.1'])
  t.teardown(() => insecure.close())
  const url = `http://gateway.test:${other.port}/`
  const { page } = await visit(t, insecure, url, { ready: 'Sign-in needed' })
  await t.notThrowsAsync(page.getByRole('alert').getByText('on secure pages only').waitFor())
})

test.serial('where the pages cannot sign anybody in, they ask for no key either', async t => {
  const { page } = await visitOther(t, {})
  t.regex(await textOf(page, '#sign-in-words'), /not set up/)
  t.true(await page.getByLabel('Key', { exact: true }).isHidden())
})

test.serial('who signs in after a key that was refused is known by the sign-in', async t => {
  const both = { GATEWAY_AUTH: 'key,entra', GATEWAY_API_KEYS: 'anna:correct-horse-battery' }
  const { page } = await visitOther(t, { ...both, ENTRA_PAGES_CLIENT_ID: clientId })
  await playSignInService(page)
  await page.getByLabel('Key', { exact: true }).fill('wrong')
  await page.getByRole('button', { name: 'Use this key' }).click()
  await page.getByRole('alert').getByText('This was not accepted.').waitFor()
  const authorization = page
    .waitForRequest(request => request.url().endsWith('/ticket'))
    .then(request => request.headers())
  await page.getByRole('button', { name: 'Sign in with Microsoft' }).click()
  const headers = await authorization
  t.is(headers.authorization, `Bearer ${accessToken}`)
  t.is(headers['api-key'], undefined)
})
