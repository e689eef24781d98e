import test, { type ExecutionContext } from 'ava'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, say, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

let browser: Browser
let gateway: Gateway

test.before(async () => {
  gateway = await startGateway(0, { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'anna:correct-horse-battery' })
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

async function giveKey(page: Page, key: string): Promise<void> {
  await page.getByLabel('Key', { exact: true }).fill(key)
  await page.getByRole('button', { name: 'Use this key' }).click()
}

const openChat = (t: ExecutionContext) => visit(t, browser, gateway.url, { ready: 'Sign-in needed' })
/** How many keys are kept on the device, and how many in the tab. */
const kept = (page: Page) =>
  page.evaluate(
    "[localStorage, sessionStorage].map(store => (store.getItem('gateway-key') === null ? 0 : 1))",
  )

test.serial('a gateway that asks for keys is given one, and the talk begins', async t => {
  const { page, faults } = await openChat(t)
  await page.getByRole('heading', { name: 'This gateway asks who you are' }).waitFor()
  await giveKey(page, 'correct-horse-battery')
  await page.getByText('Connected', { exact: true }).waitFor()
  await say(page, 'hello')
  await page.locator('.answer').getByText('You said: hello').waitFor()
  t.deepEqual(faults, [])
  t.deepEqual(await kept(page), [0, 1])
  t.notRegex(page.url(), /correct-horse/)
})

test.serial('on a phone the head has two rows, the button for access among them', async t => {
  const { page } = await visit(t, browser, gateway.url, {
    ready: 'Sign-in needed',
    viewport: { width: 360, height: 740 },
  })
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor({ state: 'attached' })
  const rows = await page.evaluate(`new Set([...document.querySelector('.top').children]
    .filter(child => child.checkVisibility()).map(child => {
      const { top, bottom } = child.getBoundingClientRect()
      return Math.round((top + bottom) / 20)
    })).size`)
  t.is(rows, 2)
  t.is(await page.evaluate('document.documentElement.scrollWidth'), 360)
})

test.serial('a wrong key is refused in words, and a right one helps', async t => {
  const { page } = await openChat(t)
  await giveKey(page, 'wrong')
  await page.getByRole('alert').getByText('This was not accepted.').waitFor()
  await giveKey(page, 'correct-horse-battery')
  await t.notThrowsAsync(page.getByText('Connected', { exact: true }).waitFor())
})

test.serial('a key stays on the device only where that was asked for, and can be forgotten', async t => {
  const { page } = await openChat(t)
  await page.getByLabel('Keep it on this device').check()
  await giveKey(page, 'correct-horse-battery')
  await page.getByText('Connected', { exact: true }).waitFor()
  t.deepEqual(await kept(page), [1, 0])
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: 'Forget it' }).click()
  t.deepEqual(await kept(page), [0, 0])
})

test.serial('the playground and the sideband page work with the key of the tab', async t => {
  const { page, faults } = await openChat(t)
  await giveKey(page, 'correct-horse-battery')
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Playground' }).click()
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Sideband' }).click()
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  t.deepEqual(faults, [])
})

test.serial('a dialog closed without a key leaves the page in peace, and it can be opened again', async t => {
  const { page } = await openChat(t)
  await page.keyboard.press('Escape')
  await page.locator('#sign-in').waitFor({ state: 'hidden' })
  t.is(await page.locator('#line-words').textContent(), 'Sign-in needed')
  await page.getByRole('button', { name: 'Try now' }).click()
  await t.notThrowsAsync(page.getByLabel('Key', { exact: true }).waitFor())
})

test.serial('a credential that has run out is asked for again when the page reconnects', async t => {
  const { page } = await openChat(t)
  const routes: { close(): Promise<void> }[] = []
  await page.routeWebSocket('**/chat*', route => {
    route.connectToServer()
    routes.push(route)
  })
  await giveKey(page, 'correct-horse-battery')
  await page.getByText('Connected', { exact: true }).waitFor()
  const refusal = { status: 401, json: { detail: 'A valid credential is required' } }
  await page.route('**/ticket', route => route.fulfill(refusal))
  await routes[0]?.close()
  await page.getByRole('alert').getByText('This was not accepted.').waitFor()
  await page.unroute('**/ticket')
  await giveKey(page, 'correct-horse-battery')
  await t.notThrowsAsync(page.getByText('Connected', { exact: true }).waitFor())
})

test.serial('a page that was told that nothing is asked for asks for the key after all', async t => {
  const context = await browser.newContext({ locale: 'en-US' })
  t.teardown(() => context.close())
  const page = await context.newPage()
  await page.route(gateway.url, async route => {
    const response = await route.fetch()
    const html = (await response.text()).replace('&quot;auth&quot;:[&quot;key&quot;]', '&quot;auth&quot;:[]')
    await route.fulfill({ response, body: html })
  })
  // Chromium does not take an altered page for one of this machine, and lets it open no socket here.
  const accepted = page.waitForResponse(answer => answer.url().endsWith('/ticket') && answer.ok())
  await page.goto(gateway.url)
  await giveKey(page, 'correct-horse-battery')
  await t.notThrowsAsync(accepted)
})

test.serial('where it is not the key that is refused, the gateway says what is', async t => {
  const { page } = await openChat(t)
  await page.route('**/ticket', route =>
    route.fulfill({ status: 403, json: { detail: 'This origin may not connect' } }),
  )
  await giveKey(page, 'correct-horse-battery')
  await t.notThrowsAsync(page.getByRole('alert').getByText('This origin may not connect').waitFor())
})

test.serial('a key that cannot be sent, as of full-width letters, is not taken', async t => {
  const { page, faults } = await openChat(t)
  await giveKey(page, 'ｃｏｒｒｅｃｔ')
  await page.getByRole('alert').getByText('This cannot be a key').waitFor()
  t.deepEqual(await kept(page), [0, 0])
  await giveKey(page, 'correct-horse-battery')
  await page.getByText('Connected', { exact: true }).waitFor()
  t.deepEqual(faults, [])
})
