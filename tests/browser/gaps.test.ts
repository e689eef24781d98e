/** Gaps in the sound, counted by the audio thread itself. */
import { setTimeout as wait } from 'node:timers/promises'
import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, say, textOf, visit } from './_chromium.ts'
import { startGateway } from './_gateway.ts'

const jitterMs = 100
/** About 23 s of speech; `GAPS_COUNT=80` makes it a minute. */
const numbers = Number(process.env.GAPS_COUNT ?? 40)
const heardInFull = /^([\d.]+) of \1 s heard$/

let browser: Browser

test.before(async () => {
  browser = await launchChromium()
})

test.after.always(() => browser?.close())

/** Delays every message of the server by a time of its own; the order stays. */
async function addJitter(page: Page): Promise<void> {
  await page.routeWebSocket('**/chat*', route => {
    const server = route.connectToServer()
    let line = Promise.resolve()
    server.onMessage(message => {
      const due = wait(Math.random() * jitterMs)
      line = line.then(() => due).then(() => route.send(message))
    })
  })
}

test.serial('a long answer that comes with 100 ms of jitter is heard without a gap', async t => {
  const gateway = await startGateway()
  t.teardown(() => gateway.stop('SIGKILL'))
  const { page, faults } = await visit(t, browser, gateway.url)
  await addJitter(page)
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  await say(page, `count to ${numbers}`)
  await page
    .locator('.answer[data-state=complete]')
    .getByText(heardInFull)
    .waitFor({ timeout: numbers * 1500 })
  t.log(await textOf(page, '.answer .time'), '- gaps:', await textOf(page, '#underruns'))
  t.is(await textOf(page, '#underruns'), 'none')
  t.deepEqual(faults, [])
})
