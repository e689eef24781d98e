/**
 * The playground in a real Chromium.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import type { Browser, Page } from 'playwright-core'
import { hearSound, launchChromium, textOf, until, type VisitOptions, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

const microphone = readFileSync(new URL('_microphone.js', import.meta.url), 'utf8')

let browser: Browser
let gateway: Gateway

test.before(async () => {
  const REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES = 'response.output_audio_transcript.done'
  gateway = await startGateway(0, {
    REALTIME_ALLOWED_EVENT_TYPES: 'response.*transcript*,response.done',
    REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES,
    REALTIME_EXTRACT_FIELDS_MAP: '*transcript.done:transcript',
    REALTIME_EXTRACT_ON_FAIL: 'forward',
  })
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

const open = (t: ExecutionContext, options: VisitOptions = {}) =>
  visit(t, browser, `${gateway.url}playground`, { ready: 'Not connected', ...options })

const everything = (page: Page) => page.getByLabel('Endpoint').selectOption('/v1/realtime')
const editor = (page: Page) => page.getByLabel('Event as JSON')
/** Lines of the list that name a type. */
const events = (page: Page, type: string) => page.locator('.event:visible', { hasText: type })
const event = (page: Page, type: string) => events(page, type).first()

async function send(page: Page, text: string): Promise<void> {
  await editor(page).fill(text)
  await page.getByRole('button', { name: 'Send', exact: true }).click()
}

const turn = (text: string) =>
  JSON.stringify([
    {
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    },
    { type: 'response.create' },
  ])

test.serial('what is pressed before the page has its code is not lost', async t => {
  const { page } = await visit(t, browser, `${gateway.url}playground`, { ready: 'Not connected' })
  await page.route('**/assets/*.js', async route => {
    await new Promise(resolve => setTimeout(resolve, 1500))
    await route.continue()
  })
  await page.reload({ waitUntil: 'commit' })
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await t.notThrowsAsync(page.getByText('Connected', { exact: true }).waitFor())
})

test.serial('an event is sent, and everything that comes back is listed and can be opened', async t => {
  const { page, faults } = await open(t)
  await everything(page)
  await Promise.all([hearSound(page), send(page, turn('count to 3'))])
  await page.locator('#raw').getByText('one, two, three').waitFor()
  await event(page, 'rate_limits.updated').waitFor()
  await page.getByLabel('Filter by type').fill('response.d?ne')
  await page.locator('#events-words').getByText('1 shown').waitFor()
  await until(page, "document.querySelectorAll('.event:not([hidden])').length === 1")
  await event(page, 'response.done').click()
  await page.locator('#detail').getByText('"status": "completed"').waitFor()
  t.deepEqual(faults, [])
})

test.serial('plain text is a turn on /realtime, which lets through what it allows alone', async t => {
  const { page } = await open(t)
  await send(page, 'hello there')
  await page.locator('#raw').getByText('You said: hello there').waitFor()
  await event(page, 'response.done').waitFor()
  t.is(await events(page, 'response.output_item.added').count(), 0)
})

test.serial('with nothing set, the first Send brings an answer', async t => {
  const own = await startGateway()
  t.teardown(() => own.stop('SIGKILL'))
  const { page, faults } = await visit(t, browser, `${own.url}playground`, { ready: 'Not connected' })
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.locator('#raw').getByText('twelve').waitFor()
  await event(page, 'connection ended').waitFor()
  t.is(await events(page, 'nothing passed the filter').count(), 0)
  t.deepEqual(faults, [])
})

/** A filter as of a model that writes, before one that speaks. */
const writtenOnly = { REALTIME_ALLOWED_EVENT_TYPES: 'response.text.delta,response.text.done' }

test.serial(
  'the first thing that is sent shows an answer, also where the filter would let none through',
  async t => {
    const own = await startGateway(0, writtenOnly)
    t.teardown(() => own.stop('SIGKILL'))
    const { page } = await visit(t, browser, `${own.url}playground`, { ready: 'Not connected' })
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.locator('#raw').getByText('twelve').waitFor()
    t.is(await events(page, 'nothing passed the filter').count(), 0)
  },
)

test.serial('where sessions answer in text, a filter for text is enough', async t => {
  const own = await startGateway(0, { ...writtenOnly, REALTIME_TEXT_ONLY: 'true' })
  t.teardown(() => own.stop('SIGKILL'))
  const { page } = await visit(t, browser, `${own.url}playground`, { ready: 'Not connected' })
  t.is(await page.getByLabel('Endpoint').inputValue(), '/realtime')
  t.regex(await textOf(page, '#endpoint-words'), /What comes back passes the filter/)
})

test.serial('where the filter lets nothing through, the page says so', async t => {
  const own = await startGateway(0, writtenOnly)
  t.teardown(() => own.stop('SIGKILL'))
  const { page } = await visit(t, browser, `${own.url}playground`, { ready: 'Not connected' })
  await page.getByLabel('Endpoint').selectOption('/realtime')
  t.regex(await textOf(page, '#endpoint-words'), /lets nothing of an answer through/)
  await send(page, 'hello there')
  await event(page, 'nothing passed the filter').waitFor()
  await page.getByRole('button', { name: 'Ask again and see everything' }).click()
  await page.locator('#raw').getByText('You said: hello there').waitFor()
  t.is(await page.getByLabel('Endpoint').inputValue(), '/v1/realtime')
  t.true(await page.locator('#widen-hint').isHidden())
})

test.serial(
  'one click leads to the endpoint that lets everything through, where the filter would not',
  async t => {
    const own = await startGateway(0, writtenOnly)
    t.teardown(() => own.stop('SIGKILL'))
    const { page } = await visit(t, browser, `${own.url}playground`, { ready: 'Not connected' })
    await page.getByLabel('Endpoint').selectOption('/realtime')
    await page.getByRole('button', { name: 'See everything', exact: true }).click()
    await event(page, 'session.created').waitFor()
    await send(page, turn('hi'))
    await t.notThrowsAsync(page.locator('#raw').getByText('You said: hi').waitFor())
    const { page: other } = await open(t)
    t.true(await other.getByRole('button', { name: 'See everything', exact: true }).isHidden())
  },
)

test.serial('a phone folds what it has no room for, a wider screen shows it', async t => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } })
  const speak = page.getByRole('button', { name: 'Open microphone' })
  t.true(await speak.isHidden())
  t.true(await page.locator('#latency-chart, #first-last').isHidden())
  await page.getByText('Speak', { exact: true }).click()
  t.true(await speak.isVisible())
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.locator('#first-last').waitFor()
})

test.serial('a browser whose language is no language gets the figures without the charts', async t => {
  const before = "Object.defineProperty(Navigator.prototype, 'language', { get: () => 'C' })"
  const { page, faults } = await open(t, { before })
  await everything(page)
  await send(page, turn('count to 8'))
  await page.locator('#first-last').getByText(/\d ms/).waitFor()
  await page.getByText('This browser draws no charts').waitFor()
  t.deepEqual(faults, [])
})

test.serial('the JSON that the gateway extracts stands beside the raw text', async t => {
  const { page } = await open(t)
  await send(page, 'Repeat after me: here it is {"dish":"soup","price":4}')
  await page.locator('#json-found').getByText('"dish": "soup"').waitFor()
  t.is(await textOf(page, '#json-words'), 'Sent by the gateway in place of the event.')
  t.is(await textOf(page, '#raw'), 'here it is {"dish":"soup","price":4}')
})

test.serial('the editor checks what is written and says what is wrong', async t => {
  const { page } = await open(t)
  const says = async (text: string, words: RegExp) => {
    await editor(page).fill(text)
    t.regex(await textOf(page, '#check'), words)
  }
  const sendButton = page.getByRole('button', { name: 'Send', exact: true })
  await says('{"type":', /^Not yet JSON/)
  t.true(await sendButton.isDisabled())
  await says('{"kind":"x"}', /has no "type"/)
  await says('{"type":"response.create"}', /^Ready to send: response\.create$/)
  await says('{"type":"resposne.create"}', /Did you mean "response\.create"\?$/)
  t.true(await sendButton.isEnabled())
  await says('hello', /goes out as what the user says/)
  await everything(page)
  await says('hello', /^Not yet JSON/)
  const options = await page.locator('#template option').allTextContents()
  for (const option of options) {
    await page.getByLabel('Template').selectOption(option)
    t.regex(await textOf(page, '#check'), /^Ready to send/, option)
  }
  t.true(options.length >= 11)
})

test.serial('each type has its verdict: what the patterns let through, what they drop, and why', async t => {
  const { page } = await open(t)
  await page.getByText('What /realtime lets through').click()
  const verdict = (type: string) =>
    page
      .locator('#verdicts tr', { has: page.getByText(type, { exact: true }) })
      .locator('td')
      .last()
  const patterns = page.getByLabel('Allowed event types')
  t.is(await patterns.inputValue(), 'response.*transcript*, response.done')
  t.is(await verdict('response.done').textContent(), 'passes: response.done')
  t.regex((await verdict('response.output_audio_transcript.done').textContent()) ?? '', /searched for JSON/)
  t.is(await verdict('session.created').textContent(), 'dropped: no pattern matches')
  await patterns.fill('response.text.*')
  t.is(await verdict('response.output_text.delta').textContent(), 'passes: response.text.*')
  await everything(page)
  await send(page, turn('hi'))
  await page.locator('.event[data-dropped=true]', { hasText: 'response.created' }).first().waitFor()
})

test.serial('the time to the first delta and the gaps are figures and charts', async t => {
  const { page } = await open(t)
  await everything(page)
  await send(page, turn('count to 8'))
  await page.locator('#first-last').getByText(/\d ms/).waitFor()
  await page.locator('#gap-longest').getByText(/\d ms/).waitFor()
  await t.notThrowsAsync(until(page, "document.querySelectorAll('.chart canvas').length === 2"))
})

test.serial('session settings reach the session', async t => {
  const { page } = await open(t)
  await everything(page)
  await page.getByText('Session settings').click()
  await page.getByLabel('Answers come as').selectOption('text')
  await page.getByLabel('Who decides that a turn is over').selectOption('none')
  await page.getByRole('button', { name: 'Apply' }).click()
  await event(page, 'session.updated').click()
  const whole = await textOf(page, '#detail')
  t.regex(whole, /"turn_detection": null/)
  t.regex(whole, /"output_modalities": \[\s*"text"\s*\]/)
})

test.serial('what is shown is paused, searched, and exported as JSON lines', async t => {
  const { page } = await open(t)
  await everything(page)
  await send(page, turn('the needle in the hay'))
  await page.locator('#raw').getByText('You said: the needle in the hay').waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await send(page, turn('something else'))
  await page.locator('#events-words').getByText('since the pause').waitFor()
  await page.getByLabel('Search in the JSON').fill('the needle in the hay')
  await page.getByLabel('Filter by type').fill('conversation.item.*')
  await until(page, "/, [1-4] shown/.test(document.querySelector('#events-words').textContent)")
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export as JSON lines' }).click()
  const lines = (await readFile(await (await waiting).path(), 'utf8')).trim().split('\n')
  for (const line of lines) t.regex(JSON.parse(line).type, /^conversation\.item\./)
  t.true(lines.length >= 1 && lines.length <= 4)
})

test.serial('an event is copied whole', async t => {
  const { page } = await open(t, { permissions: ['clipboard-read', 'clipboard-write'] })
  await everything(page)
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await event(page, 'session.created').click()
  await Promise.all([
    page.getByRole('button', { name: 'Copied' }).waitFor(),
    page.getByRole('button', { name: 'Copy', exact: true }).click(),
  ])
  const copied = JSON.parse(String(await page.evaluate('navigator.clipboard.readText()')))
  t.is(copied.type, 'session.created')
})

test.serial('a screen reader hears the answer once it is there, and errors', async t => {
  const { page } = await open(t)
  const hears = (words: string) => page.locator('#announcer').getByText(words).waitFor({ state: 'attached' })
  await everything(page)
  await send(page, turn('count to 3'))
  await hears('one, two, three')
  await send(page, '{"type":"no.such.event"}')
  await t.notThrowsAsync(hears('Error:'))
})

test.serial('a held button sends one spoken turn, by keyboard too', async t => {
  const { page, faults } = await open(t)
  await everything(page)
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await event(page, 'session.created').waitFor()
  await page.getByRole('button', { name: 'Hold to talk' }).focus()
  await page.keyboard.down('Space')
  await page.getByText('Speak now; let go when you are done.').waitFor()
  await until(page, "document.querySelector('#microphone-level').value > 0.02")
  await event(page, 'input_audio_buffer.append').waitFor()
  await until(
    page,
    "/×([5-9]|\\d\\d)/.test([...document.querySelectorAll('.event')].map(e => e.innerText).join())",
  )
  await page.keyboard.up('Space')
  await page
    .locator('#raw')
    .getByText(/I heard you speak for/)
    .waitFor()
  t.is(await textOf(page, '#speak-words'), 'The microphone is off.')
  t.deepEqual(faults, [])
})

test.serial('an open microphone is heard by the server, which finds the end of the turn', async t => {
  const { page } = await open(t)
  await everything(page)
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await event(page, 'input_audio_buffer.append').waitFor()
  await page.getByLabel('Filter by type').fill('input_audio_buffer.speech_st*')
  await event(page, 'input_audio_buffer.speech_started').waitFor()
  await page.getByRole('button', { name: 'Close microphone' }).click()
  t.is(await page.evaluate("document.querySelector('#microphone-level').value"), 0)
})

test.serial('while the microphone is open there is no button to hold, which would close it', async t => {
  const { page } = await visit(t, browser, `${gateway.url}playground`, { ready: 'Not connected' })
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await page.getByRole('button', { name: 'Close microphone' }).waitFor()
  const hold = page.getByRole('button', { name: 'Hold to talk' })
  t.true(await hold.isDisabled())
  await page.getByRole('button', { name: 'Close microphone' }).click()
  await until(page, "!document.querySelector('#hold').disabled")
})

test.serial('a microphone that is closed in mid-speech ends the turn, which is answered', async t => {
  const { page } = await open(t, { before: microphone })
  await everything(page)
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await page.evaluate('microphone.speak(true)')
  await page.getByLabel('Filter by type').fill('input_audio_buffer.speech_st*')
  await event(page, 'input_audio_buffer.speech_started').waitFor()
  await page.getByRole('button', { name: 'Close microphone' }).click()
  await t.notThrowsAsync(
    page
      .locator('#raw')
      .getByText(/I heard you speak for/)
      .waitFor(),
  )
})

test.serial('Disconnect closes the microphone too: its sound would connect again', async t => {
  const { page } = await open(t, { before: microphone })
  await everything(page)
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await event(page, 'input_audio_buffer.append').waitFor()
  await page.getByRole('button', { name: 'Disconnect' }).click()
  t.is(await textOf(page, '#speak-words'), 'The microphone is off.')
  t.is(await textOf(page, '#line-words'), 'Not connected')
})

test.serial('what waited for a connection that was given up is said not to have gone out', async t => {
  const own = await startGateway()
  const { page } = await visit(t, browser, `${own.url}playground`, { ready: 'Not connected' })
  await page.getByLabel('Connect again when it ends').uncheck()
  await own.stop()
  await send(page, turn('hello'))
  await t.notThrowsAsync(event(page, 'not sent').getByText('2 events waited for the connection').waitFor())
})

test.serial('connections that were ended are not kept alive by the page', async t => {
  const before = `{
    const { addEventListener, removeEventListener } = EventTarget.prototype
    onlines = 0
    EventTarget.prototype.addEventListener = function (type, ...rest) {
      if (type === 'online') onlines++
      return addEventListener.call(this, type, ...rest)
    }
    EventTarget.prototype.removeEventListener = function (type, ...rest) {
      if (type === 'online') onlines--
      return removeEventListener.call(this, type, ...rest)
    }
  }`
  const { page } = await open(t, { before })
  for (const _ of [1, 2, 3]) {
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByText('Connected', { exact: true }).waitFor()
    t.is(await page.evaluate('onlines'), 1)
    await page.getByRole('button', { name: 'Disconnect' }).click()
    t.is(await page.evaluate('onlines'), 0)
  }
})

/** A WAV file of a tone: 16 bits, two channels. */
function toneWav(rate: number, seconds: number): Buffer {
  const frames = rate * seconds
  const wav = Buffer.alloc(44 + frames * 4)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(36 + frames * 4, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(2, 22)
  wav.writeUInt32LE(rate, 24)
  wav.writeUInt32LE(rate * 4, 28)
  wav.writeUInt16LE(4, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(frames * 4, 40)
  for (let i = 0; i < frames * 2; i++)
    wav.writeInt16LE(Math.round(9000 * Math.sin((2 * Math.PI * 300 * (i >> 1)) / rate)), 44 + i * 2)
  return wav
}

test.serial('a sound file of any rate is one turn; another file is refused in words', async t => {
  const { page, faults } = await open(t)
  await everything(page)
  const file = page.getByLabel('Or send a sound file')
  await file.setInputFiles({ name: 'tone.wav', mimeType: 'audio/wav', buffer: toneWav(11_025, 2) })
  await page
    .locator('#raw')
    .getByText(/I heard you speak for (1\.[5-9]|2\.\d) seconds/)
    .waitFor()
  t.is(await textOf(page, '#speak-words'), 'tone.wav: 2.0 s of sound went out.')
  await file.setInputFiles({ name: 'notes.wav', mimeType: 'audio/wav', buffer: Buffer.from('no sound') })
  await page.getByText('This is not a sound file that the browser can read.').waitFor()
  await file.setInputFiles({ name: 'long.wav', mimeType: 'audio/wav', buffer: toneWav(8000, 181) })
  await page.getByText('The file is longer than 3 minutes.').waitFor()
  t.deepEqual(faults, [])
})

test.serial('a microphone that is refused or missing is told with what to do', async t => {
  const before = `navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException('refused', globalThis.missing ? 'NotFoundError' : 'NotAllowedError'))`
  const { page, faults } = await open(t, { before, viewport: { width: 360, height: 740 } })
  await page.getByText('Speak', { exact: true }).click()
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await page.locator('#speak-fault').getByText('Allow it beside the address').waitFor()
  await page.evaluate('globalThis.missing = true')
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await page.locator('#speak-fault').getByText('No microphone was found').waitFor()
  t.deepEqual(faults, [])
})

test.serial('the code of what is set is written in three ways', async t => {
  const { page, faults } = await open(t)
  await everything(page)
  await editor(page).fill(turn('count to 3'))
  await page.getByText('View code').click()
  const shown = page.locator('#code-shown')
  await shown.getByText('new WebSocket(').waitFor()
  t.regex((await shown.textContent()) ?? '', /ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime[\s\S]*count to 3/)
  await page.getByLabel('Programming language').selectOption('python')
  t.regex((await shown.textContent()) ?? '', /from websockets\.sync\.client import connect[\s\S]*count to 3/)
  await page.getByLabel('Programming language').selectOption('curl')
  t.regex((await shown.textContent()) ?? '', /^curl -X POST http:[\s\S]*client_secrets[\s\S]*"voice"/)
  t.deepEqual(faults, [])
})

test.serial('a session that was exported is replayed', async t => {
  const { page } = await open(t)
  await everything(page)
  await send(page, turn('count to 3'))
  await event(page, 'response.done').waitFor()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export as JSON lines' }).click(),
  ])
  await page.getByRole('button', { name: 'Clear' }).click()
  const replay = page.getByLabel('Replay an export')
  await replay.setInputFiles(await file.path())
  await event(page, 'conversation.item.create').waitFor()
  await event(page, 'response.done').waitFor()
  await replay.setInputFiles({ name: 'x.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from('{}') })
  await t.notThrowsAsync(page.getByText('This is no export of this page').waitFor())
})

test.serial('an export that cannot be read, or is too large, is told', async t => {
  const { page, faults } = await visit(t, browser, `${gateway.url}playground`, { ready: 'Not connected' })
  const file = { name: 'x.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from('{}') }
  const fault = page.locator('#replay-fault')
  const told = fault.getByText('This is no export of this page')
  await page.evaluate(
    `Blob.prototype.text = () => Promise.reject(new DOMException('gone', 'NotReadableError'))`,
  )
  await page.locator('#replay').setInputFiles(file)
  await told.waitFor()
  await page.evaluate("document.querySelector('#replay-fault').textContent = ''")
  await page.evaluate(`{
    Object.defineProperty(Blob.prototype, 'size', { get: () => 2 ** 40 })
    Blob.prototype.text = () => new Promise(() => {})
  }`)
  await page.locator('#replay').setInputFiles(file)
  await told.waitFor()
  t.deepEqual(faults, [])
})

test.serial('a tour shows the parts of the page, and the patterns say what they let through', async t => {
  const { page } = await open(t)
  await send(page, 'hello there')
  await event(page, 'response.done').waitFor()
  await page.getByRole('button', { name: 'Take the tour' }).click()
  for (const step of [1, 2, 3, 4, 5]) {
    await page.locator('#tour-words').getByText(`${step} / 5`).waitFor()
    t.is(await page.locator('[data-toured]').count(), 1)
    await page.locator('#tour-next').click()
  }
  t.true(await page.locator('#tour').isHidden())
  t.is(await page.locator('[data-toured]').count(), 0)
  // The last step has opened it.
  await page.locator('#pattern-counts').getByText('response.done: 1 event of what was seen').waitFor()
  await page.getByLabel('Allowed event types').fill('respons.*')
  await t.notThrowsAsync(page.getByText('respons.*: no event has such a name').waitFor())
})
