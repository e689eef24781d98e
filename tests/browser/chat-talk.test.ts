/**
 * Talking on the chat page, in a real Chromium: its own fake microphone, or one into which the test speaks.
 */
import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { freePort } from '../gateway/free-port.ts'
import { hearSound, launchChromium, say, textOf, until, type VisitOptions, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

const microphone = readFileSync(new URL('_microphone.js', import.meta.url), 'utf8')
/** Counts the chunks of sound that the page sends, 40 ms each. */
const counter = `{
  const { send } = WebSocket.prototype
  chunksSent = 0
  WebSocket.prototype.send = function (frame) {
    if (String(frame).startsWith('{"type":"audio",')) chunksSent++
    send.call(this, frame)
  }
}`
const halfASecond = 'chunksSent > 12'
const widths = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } }
const longQuestion = 'count to 60'
const maxSilenceMs = 100

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

const open = (t: ExecutionContext, options: VisitOptions = {}, url = gateway.url) =>
  visit(t, browser, url, options)
const speak = (page: Page, on: boolean) => page.evaluate(`microphone.speak(${on})`)
const statusIs = (page: Page, words: string) =>
  page.locator('#status').getByText(words, { exact: true }).waitFor()
const openMicrophone = (page: Page) => page.getByRole('button', { name: 'Open microphone' }).click()
const answerWords = (page: Page) =>
  page
    .locator('.answer')
    .last()
    .getByText(/I heard you speak for/)

/** Speaks until the server hears it. */
async function utter(page: Page): Promise<void> {
  await speak(page, true)
  await statusIs(page, 'You are speaking')
  await speak(page, false)
}

/** Frames that the page sends from now on, parsed. */
function framesSent(page: Page): Record<string, unknown>[] {
  const frames: Record<string, unknown>[] = []
  page.on('websocket', socket =>
    socket.on('framesent', ({ payload }) => frames.push(JSON.parse(String(payload)))),
  )
  return frames
}

/** Whether the picture of the voice moves with a sound. */
const isMoved = "Number(document.querySelector('#voice').style.getPropertyValue('--level')) > 0.05"

for (const [size, viewport] of Object.entries(widths)) {
  test.serial(`${size}: a held button sends one spoken turn, which is written down and answered`, async t => {
    const { page, faults } = await open(t, { viewport, before: counter })
    const hold = page.getByRole('button', { name: 'Hold to talk' })
    await hold.hover()
    await page.mouse.down()
    await statusIs(page, 'You are speaking; let go to send')
    await until(page, isMoved)
    t.is(await hold.getAttribute('aria-pressed'), 'true')
    t.is(await page.evaluate('document.documentElement.scrollWidth'), viewport.width)
    await until(page, halfASecond)
    // The answer is short: its sound and its picture are over soon.
    await Promise.all([hearSound(page), until(page, isMoved), page.mouse.up()])
    await answerWords(page).waitFor()
    await page.locator('.question:not(.unheard) .said').getByText(/\w/).waitFor()
    t.is(await textOf(page, '#microphone-words'), 'off')
    t.deepEqual(faults, [])
  })

  test.serial(`${size}: an open microphone is a conversation without a button`, async t => {
    const { page, faults } = await open(t, { viewport, before: microphone })
    await openMicrophone(page)
    await statusIs(page, 'Listening')
    for (const turn of [1, 2]) {
      await utter(page)
      await page
        .locator('.answer')
        .nth(turn - 1)
        .getByText(/I heard you/)
        .waitFor()
      await page
        .locator('.answer[data-state=complete]')
        .nth(turn - 1)
        .waitFor()
      await statusIs(page, 'Listening')
    }
    t.is(await page.locator('.question:not(.unheard)').count(), 2)
    t.is(await page.evaluate('document.documentElement.scrollWidth'), viewport.width)
    await page.getByRole('button', { name: 'Close microphone' }).click()
    await page.getByRole('button', { name: 'Open microphone' }).waitFor()
    t.deepEqual(faults, [])
  })
}

test.serial('speech cuts the answer within 100 ms, and the server learns how much was heard', async t => {
  const { page, faults } = await open(t, { before: microphone })
  const frames = framesSent(page)
  await page.addInitScript(`{
    const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage')
    Object.defineProperty(WebSocket.prototype, 'onmessage', { set(listener) {
      set.call(this, event => {
        if (String(event.data).startsWith('{"type":"speech-started"'))
          silence = loudspeaker.msToSilence(() => listener.call(this, event))
        else listener.call(this, event)
      })
    } })
  }`)
  await page.reload()
  await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
  await openMicrophone(page)
  await statusIs(page, 'Listening')
  await say(page, longQuestion)
  await hearSound(page)
  await statusIs(page, 'Speaking; talk to interrupt')
  await speak(page, true)
  await statusIs(page, 'You are speaking')
  const ms = Number(await page.evaluate('silence'))
  await speak(page, false)
  t.log(`silent ${Math.round(ms)} ms after the server heard speech`)
  t.true(ms <= maxSilenceMs)
  await page.locator('.answer').first().getByText('Interrupted').waitFor()
  const heardMs = Number.parseFloat(await textOf(page, '.answer .time')) * 1000
  const played = frames.find(({ type }) => type === 'played')
  t.true(Math.abs(Number(played?.played_ms) - heardMs) <= 100)
  await answerWords(page).waitFor()
  t.deepEqual(faults, [])
})

test.serial('a press of the button cuts the answer within 100 ms, and says how much was heard', async t => {
  const { page } = await open(t, { before: microphone + counter })
  const frames = framesSent(page)
  await page.reload()
  await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
  await say(page, longQuestion)
  await hearSound(page)
  const hold = "document.querySelector('#hold')"
  const ms = Number(
    await page.evaluate(`loudspeaker.msToSilence(() => { ${hold}.focus()
      ${hold}.dispatchEvent(new KeyboardEvent('keydown', { key: ' ' })) })`),
  )
  t.log(`silent ${Math.round(ms)} ms after the press`)
  t.true(ms <= maxSilenceMs)
  await page.locator('.answer').getByText('Interrupted').waitFor()
  await speak(page, true)
  await until(page, halfASecond)
  await page.evaluate(`${hold}.dispatchEvent(new KeyboardEvent('keyup', { key: ' ' }))`)
  await answerWords(page).waitFor()
  const heardMs = Number.parseFloat(await textOf(page, '.answer .time')) * 1000
  const interrupt = frames.find(({ type }) => type === 'interrupt')
  t.true(Math.abs(Number(interrupt?.played_ms) - heardMs) <= 100)
})

test.serial('the button works by keyboard; Escape takes a turn back, and a short one is no turn', async t => {
  const { page, faults } = await open(t, { before: microphone })
  const frames = framesSent(page)
  await page.reload()
  await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Hold to talk' }).focus()
  await page.keyboard.down('Space')
  await statusIs(page, 'You are speaking; let go to send')
  await page.keyboard.press('Escape')
  t.is(await textOf(page, '#microphone-words'), 'off')
  await page.keyboard.up('Space')
  await page.evaluate(`{
    const hold = document.querySelector('#hold')
    hold.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }))
    hold.dispatchEvent(new KeyboardEvent('keyup', { key: 'Enter' }))
  }`)
  await page.getByText('That was too short.').waitFor()
  t.false(frames.some(({ type }) => type === 'audio-end'))
  t.is(await page.locator('.question').count(), 0)
  t.deepEqual(faults, [])
})

for (const [fault, words] of [
  ['NotAllowedError', 'Allow it beside the address'],
  ['NotFoundError', 'Plug one in'],
  ['NotReadableError', 'Another program holds the microphone'],
] as const)
  test.serial(`a microphone that answers ${fault} is explained, and typing goes on`, async t => {
    const before = `navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('no', '${fault}'))`
    const { page, faults } = await open(t, { before, viewport: widths.phone })
    await openMicrophone(page)
    await page.getByRole('alert').getByText(words).waitFor()
    t.is(await page.getByRole('button', { name: 'Open microphone' }).getAttribute('aria-pressed'), 'false')
    t.is(await page.evaluate('document.documentElement.scrollWidth'), widths.phone.width)
    await say(page, 'hello')
    await page.locator('.answer').getByText('You said: hello').waitFor()
    t.deepEqual(faults, [])
  })

test.serial('where a page is too old to load what the microphone needs, it says what to do', async t => {
  const gone = `AudioWorklet.prototype.addModule = () =>
    Promise.reject(new DOMException("Unable to load a worklet's module.", 'AbortError'))`
  const { page } = await visit(t, browser, gateway.url, { before: gone })
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await t.notThrowsAsync(page.getByRole('alert').getByText('Reload the page').waitFor())
})

test.serial('where the page was not loaded securely, that is what it says', async t => {
  const before = "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined })"
  const { page, faults } = await open(t, { before })
  await openMicrophone(page)
  await t.notThrowsAsync(
    page.getByRole('alert').getByText('open this page by https or on localhost').waitFor(),
  )
  t.deepEqual(faults, [])
})

test.serial('an open microphone goes on at the next server, and says so in between', async t => {
  const first = await startGateway(await freePort())
  const { page } = await open(t, { before: microphone }, first.url)
  await openMicrophone(page)
  await statusIs(page, 'Listening')
  await first.stop('SIGTERM')
  await statusIs(page, 'Waiting for the connection')
  const second = await startGateway(first.port)
  t.teardown(() => second.stop('SIGKILL'))
  // The slower the start, the longer the page's waits; on a busy machine they were too long for a test.
  await page.evaluate("dispatchEvent(new Event('online'))")
  await statusIs(page, 'Listening')
  await utter(page)
  await t.notThrowsAsync(answerWords(page).waitFor())
})

test.serial(
  'words are put under the turn that they were said in, though a connection went in between',
  async t => {
    const { page } = await open(t, { before: microphone })
    const sockets: WebSocketRoute[] = []
    await page.routeWebSocket('**/chat*', socket => {
      sockets.push(socket)
    })
    await page.reload()
    await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
    const tell = (...messages: object[]) => {
      for (const message of messages) sockets.at(-1)?.send(JSON.stringify(message))
    }
    const said = (turn: number, words: string) =>
      page.locator('.question').nth(turn).getByText(words, { exact: true }).waitFor()
    const spoken = [{ type: 'speech-started' }, { type: 'speech-stopped' }]
    tell(...spoken)
    await page.locator('.unheard').waitFor()
    await sockets[0]?.close({ code: 1012 })
    await until(
      page,
      "document.querySelector('#line').dataset.phase === 'open' && !document.querySelector('.unheard')",
    )
    tell({ type: 'session.resumed', items: 1, answer_due: false }, ...spoken, {
      type: 'heard',
      value: 'second',
    })
    await said(1, 'second')
    await said(0, 'It could not be written down')
    tell(...spoken)
    await page.locator('.unheard').waitFor()
    tell({ type: 'session.renewed', items: 2, asked_again: false }, ...spoken, {
      type: 'heard',
      value: 'fourth',
    })
    await t.notThrowsAsync(said(3, 'fourth'))
  },
)

test.serial(
  'sound that was on its way to a server that goes is no fault of the person, a message is',
  async t => {
    const { page } = await open(t, { before: microphone })
    const sockets: WebSocketRoute[] = []
    await page.routeWebSocket('**/chat*', socket => {
      sockets.push(socket)
    })
    await page.reload()
    await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
    await openMicrophone(page)
    await statusIs(page, 'Listening')
    const tell = (message: object) => sockets.at(-1)?.send(JSON.stringify(message))
    const refusal = { type: 'error', code: 'draining', message: 'This replica is going away' }
    tell({ type: 'server.draining', deadline_ms: 25_000 })
    tell(refusal)
    tell({ type: 'session.expiring', deadline_ms: 9000 })
    await page.locator('.notice').getByText('This session ends in 9 s.').first().waitFor()
    t.is(await page.locator('.notice[data-kind=problem]').count(), 0)
    await sockets[0]?.close({ code: 1012 })
    await page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
    await say(page, 'hello')
    tell(refusal)
    await t.notThrowsAsync(page.locator('.notice[data-kind=problem]').waitFor())
  },
)

test.serial('a turn that the connection took with it is to be said again', async t => {
  const first = await startGateway()
  const { page } = await open(t, { before: microphone }, first.url)
  await page.getByRole('button', { name: 'Hold to talk' }).focus()
  await page.keyboard.down('Space')
  await statusIs(page, 'You are speaking; let go to send')
  await first.stop('SIGKILL')
  await page.getByRole('alert').getByText('Say it again').waitFor()
  t.is(await page.locator('.question').count(), 0)
})

test.serial('a model that cannot be reached closes the microphone, and says why', async t => {
  const own = await startGateway(0, {
    OPENAI_API_KEY: 'k',
    OPENAI_BASE_URL: 'http://127.0.0.1:9',
    UPSTREAM_CONNECT_TIMEOUT_MS: '300',
  })
  t.teardown(() => own.stop('SIGKILL'))
  const { page } = await open(t, { before: microphone }, own.url)
  await openMicrophone(page)
  await page.locator('.notice[data-kind=problem]').first().waitFor()
  t.is(await textOf(page, '#microphone-words'), 'off')
})

test.serial('a gateway without audio offers no microphone, and promises no sound', async t => {
  const own = await startGateway(0, { REALTIME_TEXT_ONLY: 'true' })
  t.teardown(() => own.stop('SIGKILL'))
  const { page } = await open(t, {}, own.url)
  t.true(await page.getByRole('button', { name: 'Open microphone' }).isHidden())
  t.true(await page.getByRole('button', { name: 'Mute' }).isHidden())
  t.notRegex(
    String(await page.evaluate('document.body.innerText')),
    /talk|spoken|microphone|audio|sound\b(?!\.)/i,
  )
  await say(page, 'hello')
  await page.locator('.answer').getByText('You said: hello').waitFor()
})

test.serial('someone who asked for little motion gets words and no moving picture', async t => {
  const { page } = await open(t, { before: microphone, reducedMotion: 'reduce' })
  await openMicrophone(page)
  await statusIs(page, 'Listening')
  await utter(page)
  await answerWords(page).waitFor()
  t.false(await page.evaluate(isMoved))
})
