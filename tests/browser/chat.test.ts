import test from 'ava'
import type { Browser } from 'playwright-core'
import { launchChromium, say, textOf, until, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

let browser: Browser
let gateway: Gateway

test.before(async () => {
  gateway = await startGateway()
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

test.serial('a typed message is answered in writing while its audio comes in', async t => {
  const { page, faults } = await visit(t, browser, gateway.url)
  await say(page, 'the quick brown fox')
  const answer = page.locator('.answer')
  await answer.getByText('You said: the quick brown fox').waitFor()
  await page.locator('.answer[data-state=complete]').last().waitFor()
  const bytes = Number(await page.locator('#audio-bytes').getAttribute('value'))
  t.true(bytes > 0)
  await say(page, 'jumps over the lazy dog')
  await answer.getByText('You said: jumps over the lazy dog').waitFor()
  await until(page, `document.querySelector('#audio-bytes').value > ${bytes}`)
  t.deepEqual(faults, [])
})

test.serial('two turns belong to one conversation on one socket', async t => {
  const { page } = await visit(t, browser, gateway.url)
  let sockets = 1
  page.on('websocket', () => sockets++)
  await say(page, 'my dog is called Rex')
  await page.locator('.answer').getByText('You said: my dog is called Rex').waitFor()
  await page.locator('.answer[data-state=complete]').last().waitFor()
  await say(page, 'what did I say?')
  await page.locator('.answer').getByText('"my dog is called Rex"').waitFor()
  t.is(sockets, 1)
})

test.serial('the page says plainly who serves it', async t => {
  const { page } = await visit(t, browser, gateway.url)
  t.is(await textOf(page, '#provider-badge'), 'Simulator — no account needed')
  for (const fact of ['model', 'revision', 'replica']) {
    const words = await textOf(page, `#${fact}`)
    t.not(words, 'unknown', fact)
    t.not(words, '', fact)
  }
})

test.serial('the content policy is strict, kept by the page and held against others', async t => {
  const { page, faults } = await visit(t, browser, gateway.url)
  const response = await page.request.get(gateway.url)
  const policy = response.headers()['content-security-policy'] ?? ''
  t.regex(policy, /default-src 'self'/)
  t.notRegex(policy, /unsafe|\*|data:/)
  await say(page, 'count to 3')
  await page.locator('.answer').getByText('one, two, three').waitFor()
  await until(page, "document.querySelector('#sound-words').textContent === 'on'")
  t.deepEqual(faults, [])
  await page.evaluate(
    "document.body.append(Object.assign(document.createElement('script'), { text: 'pwned = 1' }))",
  )
  t.is(await page.evaluate('typeof pwned'), 'undefined')
})

test.serial('a phone 360 pixels wide shows everything without sideways scrolling', async t => {
  const { page } = await visit(t, browser, gateway.url, {
    viewport: { width: 360, height: 640 },
    hasTouch: true,
  })
  const width = () => page.evaluate('document.documentElement.scrollWidth')
  t.is(await width(), 360)
  await page.getByText('Session details').tap()
  t.is(await width(), 360)
  await say(page, 'w'.repeat(200))
  await page.getByText('Speaking').waitFor()
  t.is(await width(), 360)
  await page.getByRole('button', { name: 'Stop' }).tap()
  await page.getByText('Interrupted', { exact: true }).first().waitFor()
  t.is(await width(), 360)
})

test.serial('everything works with the keyboard alone, with a visible focus', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const focusOn = async (selector: string) => {
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab')
      if (await page.evaluate(`document.activeElement.matches('${selector}')`)) return
    }
    t.fail(`no Tab leads to ${selector}`)
  }
  const focusRing = () =>
    page.evaluate(`getComputedStyle(
      document.activeElement.closest('.composer:has(textarea:focus)') ?? document.activeElement).outlineStyle`)
  await focusOn('#panel summary')
  t.is(await focusRing(), 'solid')
  await focusOn('.example')
  t.is(await focusRing(), 'solid')
  await focusOn('#message')
  t.is(await focusRing(), 'solid')
  await page.keyboard.type('count to 60')
  await page.keyboard.press('Enter')
  await page.getByText('Speaking').waitFor()
  await focusOn('#stop')
  t.is(await focusRing(), 'solid')
  await page.keyboard.press('Space')
  await page.locator('.answer').getByText('Interrupted').waitFor()
  t.is(await page.evaluate('document.activeElement.id'), 'message')
})

test.serial('an Enter that ends a composition sends nothing, in the way of any browser', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await page.getByLabel('Message').fill('こんにちは')
  for (const how of ['{ isComposing: true }', '{ keyCode: 229 }'])
    await page.evaluate(`document.querySelector('#message').dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...${how} }))`)
  t.is(await page.locator('.question').count(), 0)
  await page.getByLabel('Message').press('Enter')
  await t.notThrowsAsync(page.locator('.question').getByText('こんにちは').waitFor())
})

const collectAnnouncements = `{
  said = []
  const announcer = document.querySelector('#announcer')
  new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true })
}`

test.serial('an Escape that ends a composition stops no answer', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const sent: string[] = []
  await page.routeWebSocket('**/chat*', socket => {
    socket.onMessage(frame => sent.push(String(frame)))
  })
  await page.reload()
  await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
  await say(page, 'count')
  const message = page.getByLabel('Message', { exact: true })
  const key = { key: 'Escape', bubbles: true }
  await message.dispatchEvent('keydown', { ...key, isComposing: true })
  await message.dispatchEvent('keydown', { ...key, keyCode: 229 })
  await say(page, 'and on')
  await until(page, "document.querySelectorAll('.question').length === 2")
  t.deepEqual(sent, ['{"text":"count"}', '{"text":"and on"}'])
})

test.serial('a screen reader does not talk over the voice of an answer', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await page.evaluate(collectAnnouncements)
  await say(page, 'count to 10')
  await page.locator('.answer[data-state=complete]').waitFor()
  t.deepEqual(await page.evaluate('said'), [])
})

test.serial('a screen reader is told an answer once, when it is there, where no sound is heard', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await page.evaluate(collectAnnouncements)
  await page.getByRole('button', { name: 'Mute' }).click()
  await say(page, 'count to 10')
  await page.locator('.answer[data-state=complete]').waitFor()
  t.deepEqual(await page.evaluate('said'), ['one, two, three, four, five, six, seven, eight, nine, ten'])
})
