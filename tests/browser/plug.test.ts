/** Pull the plug: the server process of a conversation is killed in mid-sentence, and the page shows what goes on. */
import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, say, textOf, until, visit } from './_chromium.ts'
import { startGateway } from './_gateway.ts'

let browser: Browser

test.before(async () => {
  browser = await launchChromium()
})

test.after.always(() => browser?.close())

/** Asks for the numbers to 30. @returns the words and the length of the answer's sound, once it has come whole */
async function count(page: Page, meanwhile: () => Promise<void>) {
  await say(page, 'count to 30')
  await page.locator('.answer .transcript').getByText('three').waitFor()
  await meanwhile()
  await page.locator('.answer').last().getByText('thirty').waitFor()
  await page.locator('.answer[aria-busy=false]').last().waitFor()
  const answers = await page.locator('.answer .transcript').allTextContents()
  const [, length] = (await textOf(page, '.answer .time')).match(/of ([\d.]+) s/) ?? []
  return { answers, length }
}

test.serial('a conversation moves to another process, which finishes the sentence', async t => {
  const gateway = await startGateway(0, { WORKERS: '2', SIMULATOR_RATE: '4' })
  t.teardown(() => gateway.stop())
  const undisturbed = await visit(t, browser, gateway.url)
  const whole = await count(undisturbed.page, async () => {})
  const { page } = await visit(t, browser, gateway.url)
  await until(page, "document.querySelector('#process').textContent !== ''")
  const before = await textOf(page, '#process')
  const moved = await count(page, async () => {
    await page.getByRole('button', { name: 'Kill the server' }).click()
    await page
      .locator('.notice')
      .getByText(`${before.replace('process', 'Process')} was killed.`)
      .first()
      .waitFor()
    await page.locator('.notice').getByText('The conversation goes on where it was.').first().waitFor()
    await page.locator('.notice').getByText('goes on with the conversation.').first().waitFor()
  })
  t.not(await textOf(page, '#process'), before)
  // One answer, in which no word and no sound is missing or comes twice.
  t.deepEqual(moved, whole)
  t.is(moved.answers.length, 1)
  t.is(await page.locator('.question').count(), 1)
})

test.serial('a gateway of one process offers no plug, and says how to get one', async t => {
  const gateway = await startGateway()
  t.teardown(() => gateway.stop())
  const { page, faults } = await visit(t, browser, gateway.url)
  t.true(await page.getByRole('button', { name: 'Kill the server' }).isHidden())
  await page.getByText('start the gateway with WORKERS=2').waitFor()
  t.deepEqual(faults, [])
})
