import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { hearSound, launchChromium, say, textOf, until, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

const longQuestion = 'count to 60'

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

/** Frames that the page sends from now on, parsed. */
async function sentFrames(page: Page): Promise<Record<string, unknown>[]> {
  const frames: Record<string, unknown>[] = []
  page.on('websocket', socket =>
    socket.on('framesent', ({ payload }) => frames.push(JSON.parse(String(payload)))),
  )
  await page.reload()
  await page.getByText('Connected', { exact: true }).waitFor()
  return frames
}

const heardMs = async (page: Page) => Number.parseFloat(await textOf(page, '.answer .time')) * 1000

test.serial('an answer is really heard, to its end', async t => {
  const { page, faults } = await visit(t, browser, gateway.url)
  t.is(await page.evaluate('loudspeaker.level()'), 0)
  await Promise.all([hearSound(page), say(page, 'count to 5')])
  await page
    .locator('.answer[data-state=complete]')
    .getByText(/^([\d.]+) of \1 s heard$/)
    .waitFor()
  t.deepEqual(faults, [])
  t.log('gaps in sound:', await textOf(page, '#underruns'))
})

test.serial('Stop silences the answer, says so and tells the server what was heard', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const frames = await sentFrames(page)
  await say(page, longQuestion)
  await hearSound(page)
  const ms = await page.evaluate("loudspeaker.msToSilence(() => document.querySelector('#stop').click())")
  t.log(`silent ${Math.round(Number(ms))} ms after Stop`)
  t.true(Number.isFinite(ms))
  await page.locator('.answer').getByText('Interrupted').waitFor()
  const interrupt = frames.at(-1)
  t.is(interrupt?.type, 'interrupt')
  t.true(Math.abs(Number(interrupt?.played_ms) - (await heardMs(page))) <= 100)
  t.true(await page.getByRole('button', { name: 'Stop' }).isHidden())
})

test.serial('a message sent during speech cuts it and is answered', async t => {
  const { page } = await visit(t, browser, gateway.url)
  const frames = await sentFrames(page)
  await say(page, longQuestion)
  await hearSound(page)
  await say(page, 'never mind')
  await page.locator('.answer').first().getByText('Interrupted').waitFor()
  await page.locator('.answer').last().getByText('You said: never mind').waitFor()
  const question = frames.find(frame => frame.text === 'never mind')
  t.true(Math.abs(Number(question?.played_ms) - (await heardMs(page))) <= 100)
})

test.serial('Escape stops the speech, and the next answer is heard again', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await say(page, longQuestion)
  await hearSound(page)
  await page.keyboard.press('Escape')
  await page.locator('.answer').getByText('Interrupted').waitFor()
  await until(page, 'loudspeaker.level() === 0')
  await say(page, 'count to 50')
  await hearSound(page)
  await page
    .locator('.answer[data-state=speaking]')
    .getByText(/^one, two, .* fifty$/)
    .waitFor()
  t.is(await page.locator('.answer').count(), 2)
})

test.serial('a muted answer is silent and goes on', async t => {
  const { page } = await visit(t, browser, gateway.url)
  await page.getByRole('button', { name: 'Mute' }).click()
  await say(page, longQuestion)
  await page.getByText('Speaking').waitFor()
  await until(page, 'loudspeaker.level() === 0')
  t.is(await textOf(page, '#sound-words'), 'muted')
  await page.getByRole('button', { name: 'Mute' }).click()
  await hearSound(page)
})

test.serial('without a secure context the sound goes another way', async t => {
  const before = "Object.defineProperty(BaseAudioContext.prototype, 'audioWorklet', { value: undefined })"
  const { page, faults } = await visit(t, browser, gateway.url, { before })
  await say(page, longQuestion)
  await hearSound(page)
  const ms = await page.evaluate("loudspeaker.msToSilence(() => document.querySelector('#stop').click())")
  t.true(Number.isFinite(ms))
  await page.locator('.answer').getByText('Interrupted').waitFor()
  await Promise.all([hearSound(page), say(page, 'count to 3')])
  await page.locator('.answer[data-state=complete]').waitFor()
  t.deepEqual(faults, [])
})

test.serial('sound that the browser holds back can be turned on and starts at the beginning', async t => {
  const before = `AudioContext = class extends AudioContext {
    constructor(options) { super(options); if (!globalThis.heldBack) globalThis.heldBack = this.suspend() }
  }`
  const { page } = await visit(t, browser, gateway.url, { before })
  await say(page, 'count to 3')
  await page.getByText('Your browser holds the sound back.').waitFor()
  t.is(await page.evaluate('loudspeaker.level()'), 0)
  await Promise.all([hearSound(page), page.getByRole('button', { name: 'Turn sound on' }).click()])
  await page
    .locator('.answer[data-state=complete]')
    .getByText(/^([\d.]+) of \1 s heard$/)
    .waitFor()
})

test.serial('where the browser refuses sound the answer still comes in writing', async t => {
  const before =
    "AudioContext = class { constructor() { throw new DOMException('refused', 'NotSupportedError') } }"
  const { page, faults } = await visit(t, browser, gateway.url, { before })
  await say(page, 'hello')
  await page.locator('.answer').getByText('You said: hello').waitFor()
  await page.getByText('This browser gives no sound; the answers come in writing.').waitFor()
  await page.locator('.answer[data-state=complete]').waitFor()
  t.deepEqual(faults, [])
})
