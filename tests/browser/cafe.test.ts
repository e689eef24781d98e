/** An assistant with tools on the chat page, as somebody who orders a coffee meets it. */
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { Browser } from 'playwright-core'
import { launchChromium, say, textOf, until, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

let browser: Browser
let gateway: Gateway

test.before(async () => {
  gateway = await startGateway(0, {
    ASSISTANTS_DIR: fileURLToPath(new URL('../../assistants', import.meta.url)),
    SIMULATOR_RATE: '20',
  })
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

const visitCafe = (t: ExecutionContext) => visit(t, browser, `${gateway.url}?assistant=cafe`)

test.serial('a coffee is ordered in plain words', async t => {
  const { page, faults } = await visitCafe(t)
  const says = (words: string | RegExp) => page.locator('.answer').last().getByText(words).waitFor()
  const panel = page.locator('.assistant-panel')
  await says('Hello!')
  await say(page, "I'd like a flat white, please")
  await says('Flat white comes in small and medium; ask for the size')
  await say(page, 'small')
  await says('Your order: 1 small flat white. That is 520 yen. Anything else?')
  await panel.locator('td').getByText('Flat white').waitFor()
  await say(page, 'and two cinnamon buns')
  await says('Your order: 1 small flat white, 2 cinnamon bun. That is 1440 yen.')
  await page.locator('.answer[data-state=complete]').last().waitFor()
  await page.reload()
  t.is(await panel.locator('tbody tr').count(), 2)
  await say(page, 'remove the flat white again')
  await says('Your order: 2 cinnamon bun. That is 920 yen.')
  await say(page, 'then place the order, please')
  await says(/Order A\d+ is on its way: 920 yen\. Thank you!/)
  await panel.getByText(/A\d+/).first().waitFor()
  t.deepEqual(faults, [])
})

test.serial('a coffee is ordered in plain Japanese words', async t => {
  const { page, faults } = await visit(t, browser, `${gateway.url}?assistant=cafe`, {
    locale: 'ja-JP',
    ready: '接続済み',
  })
  const says = (words: string | RegExp) => page.locator('.answer').last().getByText(words).waitFor()
  const sayJapanese = async (words: string) => {
    await page.locator('#message').fill(words)
    await page.locator('#message').press('Enter')
  }
  await says('こんにちは。')
  await sayJapanese('カフェラテを一つください')
  await says('カフェラテのサイズはスモールとミディアムです。どちらになさいますか。')
  await sayJapanese('スモールで')
  await says('ご注文はカフェラテ（スモール）を1つ、合計500円です。ほかにご注文はございますか。')
  const panel = page.locator('.assistant-panel')
  await panel.locator('td').getByText('カフェラテ').waitFor()
  t.deepEqual(await panel.locator('th').allTextContents(), ['商品', 'サイズ', '数量', '価格'])
  await sayJapanese('シナモンロールを二つ追加してください')
  await says('ご注文はカフェラテ（スモール）を1つ、シナモンロールを2つ、合計1420円です。')
  await sayJapanese('カフェラテは取り消します')
  await says('ご注文はシナモンロールを2つ、合計920円です。')
  await sayJapanese('以上です')
  await says(/ご注文番号はA\d+、合計920円です。/)
  t.deepEqual(faults, [])
})

test.serial('the address names the assistant, and follows the choice', async t => {
  const { page } = await visitCafe(t)
  await page.locator('.answer').first().waitFor()
  t.is(await page.getByLabel('Assistant', { exact: true }).inputValue(), 'cafe')
  await page.getByLabel('Assistant', { exact: true }).selectOption('default')
  await until(page, "new URLSearchParams(location.search).get('assistant') === 'default'")
  await page.reload()
  await until(page, "document.querySelector('#line').dataset.phase === 'open'")
  t.is(await page.locator('.answer').count(), 0)
})

test.serial('after a reload an assistant can still be chosen', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await page.getByLabel('Assistant', { exact: true }).waitFor()
  await say(page, 'hello')
  await page.locator('.answer').getByText('You said: hello').waitFor()
  await page.reload()
  await page.locator('.notice').getByText('The conversation goes on where it was.').first().waitFor()
  await page.getByLabel('Assistant', { exact: true }).selectOption('cafe')
  await t.notThrowsAsync(page.locator('.answer').getByText('Hello!').waitFor())
})

test.serial('another assistant in the address puts the conversation of the one before away', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await say(page, 'hello')
  await page.locator('.answer').getByText('You said: hello').waitFor()
  await page.goto(`${gateway.url}?assistant=cafe`)
  await page.locator('.answer').getByText('Hello!').waitFor()
  t.is(await page.locator('.question').count(), 0)
  await page.getByRole('button', { name: 'Earlier in this tab' }).click()
  await page.locator('#past-list').getByText('hello').first().waitFor()
})

test.serial('an assistant that the gateway does not have is named, and the usual one answers', async t => {
  const { page, faults } = await visit(t, browser, `${gateway.url}?assistant=butler`)
  await page.locator('.notice').getByText('There is no assistant "butler" here.').first().waitFor()
  t.false((await page.url()).includes('butler'))
  await say(page, 'hello')
  await page.locator('.answer').getByText('You said: hello').waitFor()
  t.is(await textOf(page, '.notice .advice'), 'The usual one answers.')
  t.deepEqual(faults, [])
})
