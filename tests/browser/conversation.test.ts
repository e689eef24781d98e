/** What a conversation on the chat page survives, and what it says of itself when something goes wrong. */
import { readFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { launchChromium, say, textOf, until, type VisitOptions, visit } from './_chromium.ts'
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

const open = (t: ExecutionContext, options: VisitOptions = {}) => visit(t, browser, gateway.url, options)
const connected = (page: Page) =>
  page.locator('#line-words').getByText('Connected', { exact: true }).waitFor()
const statusIs = (page: Page, words: string) =>
  page.locator('#status').getByText(words, { exact: true }).waitFor()
const completed = (page: Page) => page.locator('.answer[data-state=complete]').last().waitFor()

interface Stage {
  page: Page
  /** Says messages in the server's place. */
  tell(...messages: object[]): void
  /** What the page has sent, without heartbeats. */
  sent: Record<string, unknown>[]
  sockets: WebSocketRoute[]
}

/** Opens the page before a server that the test plays. @param offers addresses that the gateway is said to have */
async function playServer(t: ExecutionContext, offers: readonly string[] = []): Promise<Stage> {
  const { page } = await open(t)
  const sockets: WebSocketRoute[] = []
  const sent: Record<string, unknown>[] = []
  await page.routeWebSocket('**/chat*', socket => {
    sockets.push(socket)
    socket.onMessage(frame => sent.push(JSON.parse(String(frame))))
  })
  if (offers.length > 0)
    await page.route(gateway.url, async route => {
      const response = await route.fetch()
      const html = (await response.text()).replace(
        /&quot;offers&quot;:\[[^\]]*\]/,
        `&quot;offers&quot;:${JSON.stringify(offers).replaceAll('"', '&quot;')}`,
      )
      await route.fulfill({ response, body: html })
    })
  await page.reload()
  await connected(page)
  const tell = (...messages: object[]) => {
    for (const message of messages) sockets.at(-1)?.send(JSON.stringify(message))
  }
  return { page, tell, sent, sockets }
}

const reset = { type: 'text-reset' }
const words = (value: string) => ({ type: 'text-delta', value })
const modelReady = { type: 'status', message: 'Model ready' }

test.serial('a reload keeps the turns, the draft and the conversation', async t => {
  const { page, faults } = await open(t)
  await say(page, 'my dog is called Rex')
  await completed(page)
  await page.getByLabel('Message', { exact: true }).fill('half a thought')
  await page.reload()
  await page.locator('.notice').getByText('The conversation goes on where it was.').first().waitFor()
  t.is(await page.getByLabel('Message', { exact: true }).inputValue(), 'half a thought')
  t.deepEqual(await page.locator('.said').allTextContents(), ['my dog is called Rex'])
  t.is(await page.locator('.answer').count(), 1)
  await say(page, 'what did I say?')
  await page.locator('.answer').last().getByText('"my dog is called Rex"').waitFor()
  t.deepEqual(faults, [])
})

test.serial('a reload before the first turn is a fresh page', async t => {
  const { page } = await open(t)
  await page.reload()
  await connected(page)
  await statusIs(page, 'Ready')
  t.is(await page.locator('.turn').count(), 0)
  t.true(await page.locator('#greeting').isVisible())
})

test.serial('a reload in mid-answer brings the answer after all', async t => {
  const { page } = await open(t)
  await say(page, 'count to 60')
  await page.locator('.answer .transcript').waitFor()
  await page.reload()
  await page.locator('.answer').last().getByText('sixty').waitFor()
  await completed(page)
  t.is(await page.locator('.question').count(), 1)
  t.is(await page.locator('.answer[data-state=streaming]').count(), 0)
})

test.serial('after a reload in mid-answer the same answer goes on, from where it was heard', async t => {
  const { page, tell } = await playServer(t)
  const seconds = (count: number) => {
    const bytes = count * 48_000
    return { type: 'audio-chunk', value: Buffer.alloc(bytes).toString('base64'), bytes }
  }
  const answered = { type: 'status', message: 'Model ready' }
  await say(page, 'count')
  tell({ type: 'session.ticket', resume: 'A' }, { type: 'text-reset' })
  tell({ type: 'transcript-delta', value: 'One two three' }, seconds(20))
  const time = page.locator('.answer .time')
  await time.getByText(/^[1-9]/).waitFor()
  await page.reload()
  await connected(page)
  const heardS = Number.parseFloat((await time.textContent()) ?? '')
  t.true(heardS >= 1 && heardS < 19, `${heardS}`)
  tell({ type: 'session.resumed', items: 1, answer_due: true, answers: 0 }, { type: 'text-reset' })
  tell({ type: 'transcript-delta', value: 'One two three' }, seconds(20))
  tell({ type: 'transcript-delta', value: ' four' }, seconds(10), answered)
  await page.locator('.answer').getByText('One two three four').waitFor()
  t.is(await page.locator('.answer').count(), 1)
  await time.getByText('of 30.0 s heard').waitFor()
  // Of 30 s, those that were not heard before were given to the player.
  const fresh = Number(await page.locator('#audio-bytes').getAttribute('value')) / 48_000
  t.true(Math.abs(30 - heardS - fresh) < 0.2, `${heardS} s were heard, and then ${fresh} s`)
})

/** Asks, gets the first words of the answer, and loses the connection. */
async function loseAnswer({ page, tell, sockets }: Stage): Promise<void> {
  await say(page, 'count')
  tell({ type: 'session.ticket', resume: 'A' }, reset, words('One two'))
  await page.locator('.answer').getByText('One two').waitFor()
  await sockets.at(-1)?.close()
  await page.locator('.answer[data-state=lost]').waitFor()
}

const resumed = (answer_due: boolean) => ({ type: 'session.resumed', items: 1, answer_due, answers: 0 })

test.serial('a reload after the connection went in mid-answer: the answer goes on in its place', async t => {
  const stage = await playServer(t)
  const { page, tell } = stage
  await loseAnswer(stage)
  await page.reload()
  await connected(page)
  tell(resumed(true), reset, words('One two'), words(' three'), modelReady)
  await completed(page)
  t.deepEqual(await page.locator('.answer .text').allTextContents(), ['One two three'])
})

test.serial('a reload after the connection went in mid-answer: the question is not lost', async t => {
  const stage = await playServer(t)
  const { page, tell, sent } = stage
  await loseAnswer(stage)
  await page.reload()
  await connected(page)
  tell(resumed(false))
  await statusIs(page, 'Thinking')
  t.deepEqual(sent.at(-1), { text: 'count' })
  t.is(sent.length, 2)
})

test.serial(
  'two reloads in mid-answer keep the question, and a third after its answer asks nothing',
  async t => {
    const { page, tell, sent } = await playServer(t)
    await say(page, 'count')
    tell({ type: 'session.ticket', resume: 'A' }, reset, words('One two'))
    await page.locator('.answer').getByText('One two').waitFor()
    await page.reload()
    await connected(page)
    await page.reload()
    await connected(page)
    tell(resumed(false))
    await statusIs(page, 'Thinking')
    t.deepEqual(sent, [{ text: 'count' }, { text: 'count' }])
    tell({ type: 'session.ticket', resume: 'B' }, reset, words('One'), modelReady)
    await completed(page)
    await page.reload()
    await connected(page)
    tell(resumed(false))
    await page.locator('.notice').getByText('The conversation goes on where it was.').waitFor()
    t.is(sent.length, 2)
  },
)

test.serial('a question that was stopped is not asked again by a reload', async t => {
  const { page, tell, sent } = await playServer(t)
  await say(page, 'count')
  tell({ type: 'session.ticket', resume: 'A' })
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.reload()
  await connected(page)
  tell(resumed(false))
  await page.locator('.notice').getByText('The conversation goes on where it was.').waitFor()
  t.deepEqual(
    sent.map(({ text }) => text),
    ['count', undefined],
  )
})

test.serial('what another version of the page kept in another form stops nothing', async t => {
  const { page, faults } = await open(t)
  const at = 1_790_000_000_000
  const answer = { role: 'assistant', text: 'x', transcript: '', playedMs: 0, lengthMs: 0, at }
  const question = { role: 'user', text: 'a question', isSpoken: false, isKept: false, at }
  const turns = [
    { ...answer, panels: [null] },
    { ...answer, lengthMs: '1' },
    { ...answer, at: 1e300 },
    { ...answer, outcome: 'gone' },
    { ...question, at: null },
    question,
    { ...answer, text: 'an answer', outcome: 'complete' },
  ]
  const kept = JSON.stringify({ turns, ticket: '', assistant: '' })
  await page.evaluate(`addEventListener('pagehide', () =>
    sessionStorage.setItem('chat-conversation', ${JSON.stringify(kept)}))`)
  await page.reload()
  await connected(page)
  t.is(await page.locator('.turn:not(.notice)').count(), 2)
  await page.getByRole('button', { name: 'Download' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'As JSON' }).click()
  const saved = JSON.parse(await readFile(await (await download).path(), 'utf8')) as { turns: unknown[] }
  t.is(saved.turns.length, 2)
  t.deepEqual(faults, [])
})

test.serial('in a full tab a reload brings the newest of the conversation, and nothing old', async t => {
  const { page, tell, sockets } = await playServer(t)
  const ask = async (question: string, ticket: string) => {
    await say(page, question)
    tell({ type: 'session.ticket', resume: ticket }, reset, words('Yes'), modelReady)
    await completed(page)
  }
  await ask('the first', 'A')
  await page.evaluate(`for (let size = 2 ** 20, at = 0; size >= 1; at++)
    try { sessionStorage.setItem('other' + at, 'x'.repeat(size)) } catch { size /= 2 }`)
  await ask('the second', 'B')
  await page.reload()
  await connected(page)
  t.is(new URL(sockets.at(-1)?.url() ?? '').searchParams.get('resume'), 'B')
  t.deepEqual(await page.locator('.answer').count(), 1)
})

test.serial('another page and back again keeps the conversation', async t => {
  const { page } = await open(t)
  await say(page, 'my dog is called Rex')
  await completed(page)
  await page.getByRole('link', { name: 'Captions' }).click()
  await page.getByRole('heading', { level: 1, name: 'Captions' }).waitFor()
  await page.goBack()
  await t.notThrowsAsync(page.locator('.question').getByText('my dog is called Rex').waitFor())
})

test.serial('a new conversation begins empty; the one before can be read and saved', async t => {
  const { page } = await open(t)
  await say(page, 'my dog is called Rex')
  await completed(page)
  await page.getByRole('button', { name: 'New conversation' }).click()
  await page.locator('#greeting').waitFor()
  t.is(await page.locator('.turn').count(), 0)
  await statusIs(page, 'Ready')
  await say(page, 'what did I say?')
  await page.locator('.answer').getByText('You have said nothing yet.').waitFor()
  await page.getByRole('button', { name: 'Earlier in this tab' }).click()
  await page.locator('.past-title').getByText('my dog is called Rex').click()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as JSON' }).click(),
  ])
  const saved = JSON.parse(await readFile(await file.path(), 'utf8')) as { turns: { role: string }[] }
  t.deepEqual(
    saved.turns.map(({ role }) => role),
    ['user', 'assistant'],
  )
})

test.serial('words that were still written down when a conversation ended go into no other', async t => {
  const { page, tell } = await playServer(t)
  tell({ type: 'speech-started' }, { type: 'speech-stopped' })
  await page.locator('.unheard').waitFor()
  await page.getByRole('button', { name: 'New conversation' }).click()
  await page.locator('.unheard').waitFor({ state: 'detached' })
  await connected(page)
  tell({ type: 'speech-started' }, { type: 'speech-stopped' }, { type: 'heard', value: 'hello there' })
  await page.locator('.said').getByText('hello there').waitFor()
  t.is(await page.locator('.unheard').count(), 0)
})

test.serial('without a network the page says so at once, and comes back by itself', async t => {
  const { page } = await open(t)
  await page.context().setOffline(true)
  await page.locator('#line-words').getByText('You are offline').waitFor()
  await statusIs(page, 'Waiting for the connection')
  await page.context().setOffline(false)
  await connected(page)
  await t.notThrowsAsync(statusIs(page, 'Ready'))
})

test.serial('an answer that begins anew leaves no half one that seems to go on', async t => {
  const { page, tell } = await playServer(t)
  await say(page, 'hello')
  tell(reset, words('Once upon'), { type: 'session.renewed', items: 1, asked_again: true })
  await page.locator('.answer').getByText('Cut short: the answer starts again').waitFor()
  await statusIs(page, 'Thinking')
  tell(reset, words('Once upon a time'), modelReady)
  await completed(page)
  t.is(await page.locator('.answer[data-state=streaming]').count(), 0)
})

test.serial('the state of the conversation is shown once, and never an old one', async t => {
  const { page, tell } = await playServer(t)
  await say(page, 'hello')
  await statusIs(page, 'Thinking')
  tell({ type: 'status', message: 'Connecting to Simulator...' })
  await statusIs(page, 'The model has not answered yet')
  tell(reset, words('Hi'))
  await statusIs(page, 'Answering')
  tell({ type: 'error', message: 'ECONNREFUSED 10.0.0.1:443', code: 'upstream_unreachable' })
  await statusIs(page, 'Ready')
  t.notRegex(String(await page.evaluate('document.body.innerText')), /Connecting|Model ready|ECONNREFUSED/)
})

test.serial('a turn that failed says in words why, and is tried again by one press', async t => {
  const { page, tell, sent } = await playServer(t)
  await say(page, 'hello')
  tell(reset, { type: 'error', message: 'connect ECONNREFUSED', code: 'upstream_unreachable' })
  await page.locator('.notice').getByText('The model could not be reached.').first().waitFor()
  t.true(await page.getByText('connect ECONNREFUSED').isHidden())
  await page.getByText('What the server said').click()
  await page.getByText('connect ECONNREFUSED').waitFor()
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('.question').nth(1).getByText('hello').waitFor()
  await until(page, "document.querySelector('#status').textContent === 'Thinking'")
  t.deepEqual(
    sent.map(({ text }) => text),
    ['hello', 'hello'],
  )
})

test.serial('an answer of which nothing came leaves no empty one behind', async t => {
  const { page, tell } = await playServer(t)
  await say(page, 'hello')
  tell(reset, { type: 'error', message: 'failed (content_filter)', code: 'content_filter' }, modelReady)
  await page.locator('.notice').getByText('held back by a content filter').first().waitFor()
  t.is(await page.locator('.answer').count(), 0)
  await statusIs(page, 'Ready')
})

test.serial('the transcript runs with the sound, and what was not heard stays grey', async t => {
  const { page } = await open(t)
  await say(page, 'count to 60')
  await until(page, "document.querySelector('.spoken')?.textContent.includes('two')")
  await until(page, "document.querySelector('.ahead')?.textContent.includes('sixty')")
  const earlier = (await textOf(page, '.spoken')).length
  await until(page, `document.querySelector('.spoken').textContent.length > ${earlier}`)
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.locator('.answer').getByText('Interrupted').waitFor()
  const seconds = Number.parseFloat(await textOf(page, '.answer .time'))
  const heard = (await textOf(page, '.spoken')).split(',').length
  t.true(heard >= 1 && heard < 30, `${heard} numbers heard in ${seconds} s`)
  t.regex(await textOf(page, '.ahead'), /sixty$/)
  const colour = (selector: string) =>
    page.evaluate(`getComputedStyle(document.querySelector('${selector}')).color`)
  t.not(await colour('.ahead'), await colour('.spoken'))
})

test.serial('a selection copies what was said, not what the page says of it', async t => {
  const { page } = await open(t)
  await say(page, 'count to 3')
  await completed(page)
  const copied = String(
    await page.evaluate(`{
      getSelection().selectAllChildren(document.querySelector('#turns'))
      getSelection().toString()
    }`),
  )
  t.regex(copied, /count to 3[\s\S]*one, two, three/)
  t.notRegex(copied, /heard|Copy|Ask again|first word/)
})

test.serial('a text that is too long is told and stays, rather than being cut', async t => {
  const { page } = await open(t)
  await page.getByLabel('Message', { exact: true }).fill('x'.repeat(10_001))
  await page.getByRole('alert').getByText('10,001 characters').waitFor()
  t.true(await page.getByRole('button', { name: 'Send' }).isDisabled())
  await page.getByLabel('Message', { exact: true }).press('Enter')
  t.is(await page.locator('.question').count(), 0)
  await page.getByLabel('Message', { exact: true }).fill('x'.repeat(10_000))
  t.true(await page.getByRole('button', { name: 'Send' }).isEnabled())
})

test.serial('what is written from right to left is laid out so', async t => {
  const { page } = await open(t)
  await say(page, 'Repeat after me: שלום עולם')
  await completed(page)
  await say(page, 'שלום')
  const direction = (selector: string) =>
    page.evaluate(`getComputedStyle([...document.querySelectorAll('${selector}')].at(-1)).direction`)
  await page.locator('.question').nth(1).waitFor()
  t.is(await direction('.said'), 'rtl')
  t.is(
    await page.evaluate("getComputedStyle(document.querySelector('.answer .transcript')).direction"),
    'rtl',
  )
})

test.serial('in forced colours nothing of the conversation vanishes', async t => {
  const { page } = await open(t, { forcedColors: 'active' })
  await say(page, 'count to 60')
  await statusIs(page, 'Speaking')
  for (const selector of ['.question .said', '.track', '#voice > i', '.dot', '#level']) {
    const border = await page.evaluate(
      `Number.parseFloat(getComputedStyle(document.querySelector('${selector}')).borderTopWidth)`,
    )
    t.true(Number(border) >= 1, selector)
  }
  const bars = await page.evaluate(
    "['.heard', '.track'].map(selector => getComputedStyle(document.querySelector(selector)).backgroundColor)",
  )
  t.is(new Set(bars as string[]).size, 2)
})

for (const locale of ['en-US', 'ja-JP'])
  for (const width of [320, 720, 1000])
    test.serial(`${locale}, ${width} pixels: no button is clipped, and the state does not move`, async t => {
      const ready = locale === 'ja-JP' ? '接続済み' : 'Connected'
      const { page } = await open(t, { locale, ready, viewport: { width, height: 700 } })
      const clipped = () =>
        page.evaluate(`[...document.querySelectorAll('main button, .dock button, select')]
          .filter(e => e.checkVisibility())
          .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth)
          .map(e => e.outerHTML.slice(0, 80))`)
      const place = async () =>
        JSON.parse(
          await page.evaluate("JSON.stringify(document.querySelector('#voice').getBoundingClientRect())"),
        ) as Record<string, number>
      t.deepEqual(await clipped(), [])
      const before = await place()
      await page.locator('#message').fill('count to 60')
      await page.locator('#message').press('Enter')
      await page.locator('.answer[data-state=speaking]').waitFor()
      // Layout is in parts of a pixel, which nobody sees move.
      const moved = Object.entries(await place()).filter(
        ([side, at]) => Math.abs(at - (before[side] ?? 0)) >= 0.5,
      )
      t.deepEqual(moved, [])
      t.deepEqual(await clipped(), [])
      t.is(await page.evaluate('document.documentElement.scrollWidth'), width)
      const headHeight = () => page.evaluate("document.querySelector('.top').offsetHeight")
      const connectedHeight = await headHeight()
      await page.context().setOffline(true)
      await until(page, "document.querySelector('#line').dataset.phase === 'waiting'")
      t.is(await headHeight(), connectedHeight)
    })

test.serial('who asks for Japanese gets Japanese, and can switch, with the conversation kept', async t => {
  const { page, faults } = await open(t, { locale: 'ja-JP', ready: '接続済み' })
  t.is(await page.evaluate('document.documentElement.lang'), 'ja')
  await page.getByRole('button', { name: 'マイクをオンにする' }).waitFor()
  await page.getByLabel('メッセージ', { exact: true }).fill('hello')
  await page.getByLabel('メッセージ', { exact: true }).press('Enter')
  await completed(page)
  await page.getByRole('button', { name: '設定' }).click()
  await page.getByLabel('言語').selectOption('en')
  await page.getByRole('button', { name: 'Open microphone' }).waitFor()
  t.is(await page.evaluate('document.documentElement.lang'), 'en')
  await page.locator('.question').getByText('hello').waitFor()
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByLabel('Language').selectOption('ja')
  await page.getByRole('button', { name: 'マイクをオンにする' }).waitFor()
  t.deepEqual(faults, [])
})

test.serial('an appearance that was chosen stays, whatever the system has', async t => {
  const { page } = await open(t, { colorScheme: 'light' })
  const paper = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
  const light = await paper()
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByLabel('Appearance').selectOption('dark')
  const dark = await paper()
  t.not(dark, light)
  await page.reload()
  await connected(page)
  t.is(await paper(), dark)
})

test.serial('a question is copied, changed and asked again; an answer is asked for again', async t => {
  const { page, tell, sent } = await playServer(t)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await say(page, 'hello')
  tell(reset, words('Hi'), modelReady)
  await completed(page)
  await page.locator('.answer .copy').click()
  await page.locator('.answer .copy').getByText('Copied').waitFor()
  t.is(await page.evaluate('navigator.clipboard.readText()'), 'Hi')
  await page.locator('.answer .again').click()
  await page.locator('.question').nth(1).waitFor()
  tell(reset, words('Hi again'), modelReady)
  await completed(page)
  await page.locator('.question').first().hover()
  await page.locator('.question .edit').first().click()
  await page.getByLabel('Message', { exact: true }).press('!')
  await page.getByLabel('Message', { exact: true }).press('Enter')
  await page.locator('.question').nth(2).waitFor()
  t.deepEqual(
    sent.map(({ text }) => text),
    ['hello', 'hello', 'hello!'],
  )
})

test.serial('who reads further up is left there, and shown the way to the latest', async t => {
  const { page, tell } = await playServer(t)
  await say(page, 'a long one')
  tell(reset, words('line\n'.repeat(200)), modelReady)
  await completed(page)
  t.true(await page.locator('#latest').isHidden())
  await page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
  await page.getByRole('button', { name: 'Go to the latest' }).click()
  await until(page, 'innerHeight + scrollY > document.documentElement.scrollHeight - 5')
  t.true(await page.locator('#latest').isHidden())
})

test.serial('assistants are chosen where there are several; their tools and panels are shown', async t => {
  const stage = await playServer(t, ['/assistants', '/usage'])
  const { page, tell, sent, sockets } = stage
  await page.route('**/assistants', route =>
    route.fulfill({ json: { assistants: [{ name: 'default' }, { name: 'cafe', title: { en: 'Café' } }] } }),
  )
  await page.route('**/usage', route =>
    route.fulfill({
      json: {
        currency: 'USD',
        usage: [
          {
            input_text_tokens: 1000,
            cached_text_tokens: 400,
            output_audio_tokens: 134,
            estimated_cost: 0.01,
          },
          { input_audio_tokens: 100, estimated_cost: 0.0025 },
        ],
      },
    }),
  )
  await page.reload()
  await page.getByLabel('Assistant', { exact: true }).selectOption('cafe')
  await until(page, "document.querySelector('#line').dataset.phase === 'open'")
  await page.locator('#cost').getByText('$0.0125').waitFor()
  t.is(await textOf(page, '#tokens'), '1,234')
  await say(page, 'a flat white, please')
  t.is(new URL(sockets.at(-1)?.url() ?? '').searchParams.get('assistant'), 'cafe')
  tell({ type: 'tool', name: 'add_item', status: 'running', ms: 0 })
  await statusIs(page, 'Working: add_item')
  tell({ type: 'tool', name: 'add_item', status: 'done', ms: 12 })
  await statusIs(page, 'Thinking')
  const order = [
    { item: 'Flat white', quantity: 1, price: 4.2 },
    { item: 'Scone', quantity: 2, price: 3 },
  ]
  tell({ type: 'assistant.event', name: 'order', data: { order } }, reset, words('Here you are'))
  await page.locator('.assistant-panel td').getByText('Flat white').waitFor()
  t.is(await page.locator('.assistant-panel tbody tr').count(), 2)
  // The order grows in its place.
  tell({ type: 'assistant.event', name: 'order', data: { order: [...order, { item: 'Tea' }], total: 13.2 } })
  await page.locator('.assistant-panel').getByText('Total: 13.2').waitFor()
  t.is(await page.locator('.assistant-panel tbody tr').count(), 3)
  tell({ type: 'assistant.event', name: 'receipt', data: { paid: { by: 'card' } } }, modelReady)
  await page.locator('.assistant-panel .json').getByText('"by": "card"').waitFor()
  t.is(sent.filter(({ text }) => text !== undefined).length, 1)
})

test.serial('a microphone is chosen, heard and remembered', async t => {
  const { page, faults } = await open(t)
  await page.getByRole('button', { name: 'Sound devices' }).click()
  await until(page, "document.querySelector('#devices-level').value > 0.02")
  await until(page, "document.querySelectorAll('#microphone option').length > 1")
  const [, first] = (await page.evaluate(
    "[...document.querySelectorAll('#microphone option')].map(option => option.value)",
  )) as string[]
  await page.locator('#microphone').selectOption(String(first))
  await page.getByRole('button', { name: 'Done' }).click()
  t.is(await page.evaluate("localStorage.getItem('microphone')"), first)
  await page.evaluate(`{
    const { getUserMedia } = navigator.mediaDevices
    navigator.mediaDevices.getUserMedia = wanted => {
      asked = wanted.audio.deviceId.ideal
      return getUserMedia.call(navigator.mediaDevices, wanted)
    }
  }`)
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await statusIs(page, 'Listening')
  t.is(await page.evaluate('asked'), first)
  t.deepEqual(faults, [])
})

test.serial('a dialog that was closed and opened again at once keeps no microphone', async t => {
  const { page } = await open(t)
  await page.evaluate(`{
    const { getUserMedia } = navigator.mediaDevices
    globalThis.streams = []
    globalThis.letGo = []
    navigator.mediaDevices.getUserMedia = async wanted => {
      const stream = await getUserMedia.call(navigator.mediaDevices, wanted)
      streams.push(stream)
      await new Promise(resolve => letGo.push(resolve))
      return stream
    }
  }`)
  const devices = page.getByRole('button', { name: 'Sound devices' })
  const done = page.getByRole('button', { name: 'Done' })
  await devices.click()
  await until(page, 'letGo.length === 1')
  await done.click()
  await devices.click()
  await until(page, 'letGo.length === 2')
  await page.evaluate('for (const go of letGo) go()')
  await until(page, "document.querySelector('#devices-level').value > 0.02")
  await done.click()
  const states = 'streams.map(stream => stream.getTracks()[0].readyState)'
  await until(page, `${states}.every(state => state === 'ended')`)
  t.deepEqual(await page.evaluate(states), ['ended', 'ended'])
})

test.serial('the page can be installed as an app', async t => {
  const { page } = await open(t)
  const address = String(await page.evaluate("document.querySelector('link[rel=manifest]').href"))
  const response = await page.request.get(address)
  t.is(response.headers()['content-type'], 'application/manifest+json')
  const manifest = (await response.json()) as { start_url: string; icons: { src: string }[] }
  t.is(manifest.start_url, '/')
  for (const { src } of manifest.icons)
    t.is((await page.request.get(new URL(src, address).href)).status(), 200)
})

test.serial('a new conversation waits for no dial that failed before it', async t => {
  const { page, sockets } = await playServer(t)
  for (let lost = 0; lost < 3; lost++) {
    await sockets.at(-1)?.close({ code: 1011 })
    await until(page, "document.querySelector('#line').dataset.phase === 'waiting'")
    await until(page, "document.querySelector('#line').dataset.phase === 'open'")
  }
  await say(page, 'hello')
  await page.getByRole('button', { name: 'New conversation' }).click()
  await until(page, "document.querySelector('#line').dataset.phase === 'open'")
  const waits = page.evaluate(`new Promise(resolve => {
    const line = document.querySelector('#line-words')
    new MutationObserver(() => /Reconnecting/.test(line.textContent) && resolve(line.textContent))
      .observe(line, { childList: true, characterData: true, subtree: true })
  })`)
  await sockets.at(-1)?.close({ code: 1011 })
  t.is(await waits, 'Reconnecting…')
})

test.serial('the keyboard alone asks, interrupts, edits, and begins anew', async t => {
  const { page, faults } = await open(t)
  const { keyboard } = page
  const tabTo = async (name: string) => {
    const isThere = `document.activeElement.textContent.trim() === ${JSON.stringify(name)}`
    for (let presses = 0; presses < 40 && !(await page.evaluate(isThere)); presses++)
      await keyboard.press('Tab')
    t.true(await page.evaluate(isThere), `Tab does not lead to ${name}`)
  }
  // The box has the focus when the page is there.
  await keyboard.type('count to 40')
  await keyboard.press('Enter')
  await page.locator('.answer[data-state=speaking]').waitFor()
  await keyboard.press('Escape')
  await page.locator('.answer[data-state=interrupted]').waitFor()
  await tabTo('Edit')
  await keyboard.press('Enter')
  await until(page, "document.querySelector('#message').value === 'count to 40'")
  await keyboard.press('End')
  for (const _ of '40') await keyboard.press('Backspace')
  await keyboard.type('3')
  await keyboard.press('Enter')
  await page.locator('.answer').last().getByText('three').waitFor()
  await page.locator('.answer[data-state=complete]').waitFor()
  await tabTo('New conversation')
  await keyboard.press('Enter')
  t.is(await page.locator('.turn').count(), 0)
  t.is(await page.evaluate('document.activeElement.id'), 'message')
  t.deepEqual(faults, [])
})

const longConversation = `{
  const turns = Array.from({ length: 500 }, (_, index) => index % 2 === 0
    ? { role: 'user', text: 'Question ' + index, isSpoken: false, isKept: false, at: index }
    : { role: 'assistant', text: '', transcript: 'Answer ' + index + ' with some words. '.repeat(12),
        outcome: 'complete', playedMs: 5000, lengthMs: 5000, at: index })
  sessionStorage.setItem('chat-conversation', JSON.stringify({ turns, ticket: '', assistant: '' }))
}`

/** What the renderer has done since it began to count. */
async function countWork(page: Page): Promise<() => Promise<Record<string, number>>> {
  const debug = await page.context().newCDPSession(page)
  await debug.send('Performance.enable', { timeDomain: 'threadTicks' })
  return async () => {
    const { metrics } = await debug.send('Performance.getMetrics')
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
  }
}

test.serial('500 turns scroll without layout: each was laid out once', async t => {
  const { page, faults } = await open(t, { before: longConversation, viewport: { width: 1280, height: 800 } })
  t.is(await page.locator('.question, .answer').count(), 500)
  const work = await countWork(page)
  await page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
  await page.getByRole('button', { name: 'Go to the latest' }).waitFor()
  const steps = 200
  const before = await work()
  const gaps = (await page.evaluate(`new Promise(resolve => {
    const gaps = []
    const step = document.documentElement.scrollHeight / ${steps}
    let last = performance.now()
    const next = now => {
      gaps.push(now - last)
      last = now
      scrollBy({ top: step, behavior: 'instant' })
      if (gaps.length < ${steps}) requestAnimationFrame(next)
      else resolve(gaps)
    }
    requestAnimationFrame(next)
  })`)) as number[]
  const after = await work()
  const spent = (name: string) => (after[name] ?? 0) - (before[name] ?? 0)
  // How many frames come late depends on what else this machine does: it is told, and decides nothing.
  const late = gaps.filter(gap => gap > 25).length
  t.log(
    `${late} of ${steps} frames came late; ${((1000 * spent('TaskDuration')) / steps).toFixed(1)} ms of CPU a frame`,
  )
  // The button to the latest goes away once, at the end.
  t.true(spent('LayoutCount') <= 5, `${spent('LayoutCount')} layouts in ${steps} steps`)
  t.true(spent('RecalcStyleCount') <= 10, `${spent('RecalcStyleCount')} styles in ${steps} steps`)
  t.deepEqual(faults, [])
})

test.serial('an answer that grows at the end of 500 turns lays out nothing but itself', async t => {
  const { page } = await open(t, { before: longConversation, viewport: { width: 1280, height: 800 } })
  const debug = await browser.newBrowserCDPSession()
  const layouts: number[] = []
  debug.on('Tracing.dataCollected', ({ value }) => {
    for (const { name, args } of value as unknown as {
      name: string
      args: { beginData?: { dirtyObjects: number } }
    }[])
      if (name === 'Layout') layouts.push(args.beginData?.dirtyObjects ?? 0)
  })
  await debug.send('Tracing.start', { traceConfig: { includedCategories: ['devtools.timeline'] } })
  const growths = 50
  await page.evaluate(`new Promise(resolve => {
    const last = [...document.querySelectorAll('.answer .spoken')].at(-1)
    let growths = 0
    const next = () => {
      last.append(' more words')
      growths += 1
      if (growths < ${growths}) requestAnimationFrame(next)
      else requestAnimationFrame(resolve)
    }
    requestAnimationFrame(next)
  })`)
  const over = new Promise(resolve => debug.once('Tracing.tracingComplete', resolve))
  await debug.send('Tracing.end')
  await over
  t.true(layouts.length >= growths, `${layouts.length} layouts`)
  t.true(Math.max(...layouts) <= 40, `${Math.max(...layouts)} objects`)
})
