/** What the pages go through: a server that goes, drains or floods, and sound that comes in fits. */
import test, { type ExecutionContext } from 'ava'
import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { freePort } from '../gateway/free-port.ts'
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

const openPlayground = (t: ExecutionContext, url = gateway.url) =>
  visit(t, browser, `${url}playground`, { ready: 'Not connected' })

/** Answers the page's dials in the server's place. @returns the sockets as they come */
async function playServer(page: Page, path: string): Promise<WebSocketRoute[]> {
  const sockets: WebSocketRoute[] = []
  await page.routeWebSocket(path, socket => {
    sockets.push(socket)
  })
  return sockets
}

const connect = (page: Page) => page.getByRole('button', { name: 'Connect', exact: true }).click()

test.serial('10,000 events are listed by a few lines, found again and scrolled through', async t => {
  const { page, faults } = await openPlayground(t)
  const [socket] = await Promise.all([
    new Promise<WebSocketRoute>(resolve =>
      page.routeWebSocket('**/realtime', resolve).then(() => connect(page)),
    ),
  ])
  await page.getByText('Connected', { exact: true }).waitFor()
  for (let i = 0; i < 10_000; i++)
    socket.send(`{"type":"response.output_text.delta","item_id":"item_1","delta":"word-${i} "}`)
  await page.locator('#events-words').getByText('10,001 events').waitFor()
  t.true((await page.locator('.event').count()) < 60)
  await page.locator('.event:visible').getByText('word-9999').first().waitFor()
  await page.locator('#events').press('Home')
  await page.locator('.event:visible').getByText('word-0', { exact: false }).first().waitFor()
  await page.locator('#events').press('End')
  await page.locator('#detail').getByText('word-9999').waitFor()
  await page.getByLabel('Search in the JSON').fill('word-4321')
  await page.locator('#events-words').getByText('1 shown').waitFor()
  t.deepEqual(faults, [])
})

test.serial('an event of 1 MB is listed, opened in part and the page stays quick', async t => {
  const { page, faults } = await openPlayground(t)
  const sockets = await playServer(page, '**/realtime')
  await connect(page)
  await page.getByText('Connected', { exact: true }).waitFor()
  const text = 'x'.repeat(1_000_000)
  sockets[0]?.send(JSON.stringify({ type: 'response.output_text.done', item_id: 'item_1', text }))
  await page.locator('.event:visible', { hasText: 'response.output_text.done' }).first().click()
  await page.locator('#detail-title').getByText('the first 60,000 characters of 1,000,0').waitFor()
  const shown = Number(await page.evaluate("document.querySelector('#detail').textContent.length"))
  t.is(shown, 60_000)
  t.is(await page.evaluate('document.documentElement.scrollWidth'), 1280)
  t.deepEqual(faults, [])
})

test.serial('a message of 1 MB does not stop the chat', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const sockets = await playServer(page, '**/chat*')
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  await say(page, 'a long one')
  const tell = (message: object) => sockets.at(-1)?.send(JSON.stringify(message))
  tell({ type: 'text-reset' })
  tell({ type: 'text-delta', value: 'word '.repeat(200_000) })
  tell({ type: 'text-delta', value: 'the end' })
  tell({ type: 'status', message: 'Model ready' })
  await until(page, "document.querySelector('.answer')?.dataset.state === 'complete'")
  t.regex(await textOf(page, '.answer .text'), /the end$/)
})

test.serial(
  'the playground says when the server is gone, and is back by itself when the server is',
  async t => {
    const first = await startGateway(await freePort())
    t.teardown(() => first.stop('SIGKILL'))
    const { page } = await openPlayground(t, first.url)
    await connect(page)
    await page.getByText('Connected', { exact: true }).waitFor()
    await first.stop('SIGKILL')
    await page.locator('#line').getByText('Reconnecting').waitFor()
    await page.locator('.event:visible', { hasText: 'connection ended' }).first().waitFor()
    const second = await startGateway(first.port)
    t.teardown(() => second.stop('SIGKILL'))
    await page.getByText('Connected', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    t.is(await textOf(page, '#line-words'), 'Not connected')
  },
)

test.serial('a drain is listed on the playground, which moves over', async t => {
  const first = await startGateway(await freePort())
  const { page } = await openPlayground(t, first.url)
  await connect(page)
  await page.getByText('Connected', { exact: true }).waitFor()
  const drained = first.stop('SIGTERM')
  await page.locator('.event:visible', { hasText: 'server.draining' }).first().waitFor()
  await drained
  const second = await startGateway(first.port)
  t.teardown(() => second.stop('SIGKILL'))
  await t.notThrowsAsync(page.getByText('Connected', { exact: true }).waitFor())
})

test.serial('a conversation goes on after its socket was cut, and the page says so', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const dials: string[] = []
  const routes: WebSocketRoute[] = []
  await page.routeWebSocket('**/chat*', route => {
    dials.push(new URL(route.url()).search)
    route.connectToServer()
    routes.push(route)
  })
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  await say(page, 'my dog is called Rex')
  await page.locator('.answer').getByText('You said: my dog is called Rex').waitFor()
  await page.locator('.answer[data-state=complete]').last().waitFor()
  await routes[0]?.close()
  await page.locator('.notice').getByText('The conversation goes on where it was.').first().waitFor()
  await say(page, 'what did I say?')
  await page.locator('.answer').getByText('"my dog is called Rex"').waitFor()
  // Nothing was said before the reload: the first dial begins afresh.
  t.is(dials.length, 2)
  t.is(dials[0], '?resume=')
  t.regex(dials[1] ?? '', /^\?resume=[\w-]{20,}$/)
})

test.serial('what becomes of a conversation is said in words', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const sockets = await playServer(page, '**/chat*')
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  const tell = (message: object) => sockets.at(-1)?.send(JSON.stringify(message))
  const says = (words: string) => page.locator('.notice').last().getByText(words).waitFor()
  tell({ type: 'session.renewed', items: 4, asked_again: false })
  await says('The connection to the model was renewed.')
  tell({ type: 'session.expiring', deadline_ms: 30_000 })
  await says('This session ends in 30 s.')
  tell({ type: 'server.draining', deadline_ms: 1000, resume: 'TICKET' })
  await page.getByText('This server is being replaced').waitFor()
  await sockets[0]?.close({ code: 1012, reason: 'draining' })
  await until(page, "document.querySelector('#line').dataset.phase === 'open'")
  t.is(new URL(sockets.at(-1)?.url() ?? '').search, '?resume=TICKET')
  tell({ type: 'session.resume_failed', reason: 'expired' })
  await says('The assistant starts a new conversation: the break was too long.')
})
