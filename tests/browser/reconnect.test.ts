import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { freePort } from '../gateway/free-port.ts'
import { until } from '../gateway/within.ts'
import { launchChromium, say, textOf, visit } from './_chromium.ts'
import { startGateway } from './_gateway.ts'

let browser: Browser

test.before(async () => {
  browser = await launchChromium()
})

test.after.always(() => browser?.close())

/** From now on time passes in the page where the test says so. */
async function stopClock(page: Page): Promise<void> {
  await page.clock.install()
  await page.clock.pauseAt(Date.now() + 1000)
}

test.serial('after a crash the page reconnects and a kept message is sent once', async t => {
  const first = await startGateway(await freePort())
  t.teardown(() => first.stop('SIGKILL'))
  const { page } = await visit(t, browser, first.url)
  await say(page, 'before the crash')
  await page.locator('.answer').getByText('You said: before the crash').waitFor()
  await page.locator('.answer[data-state=complete]').last().waitFor()
  await first.stop('SIGKILL')
  await page.locator('#line').getByText('Reconnecting').waitFor()
  await say(page, 'kept for later')
  await page.locator('.kept').getByText('Waiting for the connection').waitFor()
  const second = await startGateway(first.port)
  t.teardown(() => second.stop('SIGKILL'))
  await page.locator('.notice').getByText('Connected again.').first().waitFor()
  await page.locator('.answer').getByText('You said: kept for later').waitFor()
  await page.locator('.answer[data-state=complete]').last().waitFor()
  t.is(await page.locator('.kept').count(), 0)
  await say(page, 'what did I say?')
  await page.locator('.answer').last().getByText('"kept for later"', { exact: true }).waitFor()
  t.is(await page.locator('.answer').count(), 3)
})

test.serial('a crash in mid-answer is told, and the question can be asked again', async t => {
  const first = await startGateway(await freePort())
  t.teardown(() => first.stop('SIGKILL'))
  const { page } = await visit(t, browser, first.url)
  await say(page, 'count to 200')
  await page.locator('.answer .transcript').waitFor()
  await first.stop('SIGKILL')
  await page.locator('.answer[data-state=lost]').getByText('the connection was lost').waitFor()
  const second = await startGateway(first.port)
  t.teardown(() => second.stop('SIGKILL'))
  await page.locator('.notice').getByText('Connected again.').first().waitFor()
  await page
    .locator('.notice')
    .getByText('The connection went before the answer was complete.')
    .first()
    .waitFor()
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('.answer').nth(1).getByText('one, two, three').waitFor()
  t.is(await page.locator('.question').count(), 2)
})

test.serial('a draining server moves the page over, with the message that came in between', async t => {
  const first = await startGateway(await freePort(), { CONTAINER_APP_REVISION: 'blue' })
  const { page } = await visit(t, browser, first.url)
  t.is(await textOf(page, '#revision'), 'blue')
  const drained = first.stop('SIGTERM')
  await page.locator('#line:not([data-phase=open])').waitFor()
  await say(page, 'are you there?')
  await drained
  const second = await startGateway(first.port, { CONTAINER_APP_REVISION: 'green' })
  t.teardown(() => second.stop('SIGKILL'))
  await page.locator('.answer').getByText('You said: are you there?').waitFor()
  await t.notThrowsAsync(page.locator('#revision').getByText('green').waitFor())
})

test.serial('an idle page sends heartbeats and gives up a server that does not answer them', async t => {
  const gateway = await startGateway()
  t.teardown(() => gateway.stop('SIGKILL'))
  const { page } = await visit(t, browser, gateway.url)
  const frames: string[] = []
  let dials = 0
  await page.routeWebSocket('**/chat*', socket => {
    dials++
    socket.onMessage(frame => frames.push(String(frame)))
  })
  await stopClock(page)
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.clock.runFor(25_000)
  await page.clock.runFor(25_000)
  await page.locator('#line').getByText('Reconnecting').waitFor()
  t.deepEqual(frames, ['{"type":"heartbeat"}'])
  await page.clock.runFor(500)
  await page.getByText('Connected', { exact: true }).waitFor()
  t.is(dials, 2)
})

test.serial('Try now skips the wait', async t => {
  const first = await startGateway(await freePort())
  t.teardown(() => first.stop('SIGKILL'))
  const { page } = await visit(t, browser, first.url)
  await stopClock(page)
  await first.stop('SIGKILL')
  const retry = page.getByRole('button', { name: 'Try now' })
  // Only a longer wait is worth skipping, and this one ends by the button alone.
  await until(async () => {
    await page.clock.runFor(1000)
    return !(await retry.isHidden())
  }, 'no button is shown')
  const second = await startGateway(first.port)
  t.teardown(() => second.stop('SIGKILL'))
  await retry.click()
  await page.locator('.notice').getByText('Connected again.').first().waitFor()
  t.true(await retry.isHidden())
})
