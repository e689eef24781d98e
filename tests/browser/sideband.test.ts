/**
 * The sideband page in a real Chromium.
 */
import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { Script } from '../../runtime/simulator/model/script.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { clerkFor } from '../calls/clerk.ts'
import { launchChromium, textOf, until, type VisitOptions, visit } from './_chromium.ts'
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

const refused = `navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException('refused', 'NotAllowedError'))`
const missing = refused.replace('NotAllowedError', 'NotFoundError')

const phone = { viewport: { width: 360, height: 740 } }

/** Opens the page and makes a call under control. The microphone is refused unless a test wants it. */
async function makeCall(t: Parameters<typeof visit>[0], options: VisitOptions = { before: refused }) {
  const visited = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call', ...options })
  const { page } = visited
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  return visited
}

async function sayInCall(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Send message' }).click()
}

const lane = (page: Page, name: 'webrtc' | 'control', text: string) =>
  page.locator(`.lane.${name}`, { hasText: text })

test.serial('three steps make a controlled call, and each column shows what travelled there', async t => {
  const { page, faults } = await makeCall(t)
  for (const step of ['session', 'call', 'control'])
    t.is(await page.locator(`#step-${step}`).getAttribute('data-state'), 'done', step)
  await sayInCall(page, 'the quick brown fox')
  await page.locator('#said-last').getByText('You said: the quick brown fox').waitFor()
  await lane(page, 'control', 'sideband_connected').first().waitFor()
  await lane(page, 'control', 'send_message').first().waitFor()
  t.is(await lane(page, 'webrtc', 'send_message').count(), 0)
  const both = page.locator('.lane-row', { hasText: 'response.created' }).first()
  await both.locator('.webrtc', { hasText: 'response.created' }).waitFor()
  await both.locator('.control', { hasText: 'response.created' }).waitFor()
  t.deepEqual(faults, [])
})

test.serial('a step that is done leaves no blank where its button was, and nothing moves for it', async t => {
  const { page } = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call', before: refused })
  const heights = () =>
    page.evaluate(
      "[...document.querySelectorAll('.step')].map(step => Math.round(step.getBoundingClientRect().height))",
    )
  const before = await heights()
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  t.deepEqual(await heights(), before)
  const blank = await page.evaluate(`(step => step.getBoundingClientRect().bottom -
    step.querySelector('.step-words').getBoundingClientRect().bottom)(document.querySelector('#step-control'))`)
  t.true(Number(blank) <= 24)
})

test.serial('the model is heard, and what is on the way lights its wire', async t => {
  const { page } = await makeCall(t)
  for (const wire of ['sound', 'channel', 'control', 'call'])
    t.is(await page.locator(`[data-wire=${wire}]`).getAttribute('data-state'), 'on', wire)
  await sayInCall(page, 'count to 60')
  await page.locator('[data-wire=control][data-flow]').waitFor({ state: 'attached' })
  await page.locator('[data-wire=sound][data-flow=in]').waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'Stop the answer' }).click()
  await lane(page, 'webrtc', '↑ response.cancel').first().waitFor()
  await t.notThrowsAsync(lane(page, 'control', 'output_audio_buffer.cleared').first().waitFor())
})

test.serial('instructions by control change the answers; a message can go by the data channel', async t => {
  const { page } = await makeCall(t)
  await page.getByRole('button', { name: 'Update instructions' }).click()
  await lane(page, 'control', 'session.updated').first().waitFor()
  await page.getByLabel('data channel, as the browser').check()
  await sayInCall(page, 'hello')
  await page.locator('#said-last').getByText('Ahoy! You said: hello').waitFor()
  await lane(page, 'webrtc', '↑ conversation.item.create').first().waitFor()
  t.is(await lane(page, 'control', '↑ conversation.item.create').count(), 0)
})

test.serial('the microphone is heard by the model, shown on the meter, and can be turned off', async t => {
  const { page, faults } = await makeCall(t, {})
  await page.getByRole('button', { name: 'Close microphone' }).waitFor()
  await until(page, "document.querySelector('#microphone-level').value > 0.05")
  await lane(page, 'control', 'input_audio_buffer.speech_started').first().waitFor()
  await page.getByRole('button', { name: 'Close microphone' }).click()
  await page.getByRole('button', { name: 'Open microphone' }).waitFor()
  t.is(await page.evaluate("document.querySelector('#microphone-level').value"), 0)
  t.deepEqual(faults, [])
})

for (const [title, before, words] of [
  ['refused', refused, 'Allow it beside the address'],
  ['missing', missing, 'No microphone was found'],
] as const)
  test.serial(`with the microphone ${title} the call goes on in writing`, async t => {
    const { page, faults } = await makeCall(t, { before, ...phone })
    await page.locator('#microphone-fault').getByText(words).waitFor()
    await sayInCall(page, 'still here')
    await page.locator('#said-last').getByText('You said: still here').waitFor()
    t.is(await page.evaluate('document.documentElement.scrollWidth'), 360)
    t.deepEqual(faults, [])
  })

test.serial('Hang up ends the call for both sides, and another can follow', async t => {
  const { page, faults } = await makeCall(t)
  const first = await textOf(page, '#step-session .step-words')
  await page.locator('#hang-up').click()
  await page.locator('#line-words').getByText('The call has ended').waitFor()
  t.is(await page.locator('#step-call').getAttribute('data-state'), 'ended')
  t.is(await page.evaluate('document.activeElement.id'), 'start')
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  t.not(await textOf(page, '#step-session .step-words'), first)
  t.deepEqual(faults, [])
})

test.serial('a session in the list can be hung up, and the page is told', async t => {
  const { page } = await makeCall(t)
  const id = (await textOf(page, '#step-session .step-words')).replace('Done: ', '')
  const session = page.locator(`.session[data-id=${id}]`)
  await session.getByText('call running · under control').waitFor()
  await session.getByRole('button').click()
  await page.locator('#step-call[data-state=ended]').waitFor()
  await session.getByText('ended').waitFor()
  t.is(await page.locator('#line-words').textContent(), 'The call has ended')
})

test.serial('a control connection that is cut comes back while the call goes on', async t => {
  const visited = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call', before: refused })
  const { page } = visited
  const routes: { close(): Promise<void> }[] = []
  const seen = Promise.withResolvers<void>()
  await page.routeWebSocket('**/sideband/control/*', async route => {
    if (routes.push(route) > 1) await seen.promise
    route.connectToServer()
  })
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  await routes[0]?.close()
  await page.locator('#step-control[data-state=working]').waitFor()
  seen.resolve()
  await page.locator('#step-control[data-state=done]').waitFor()
  t.is(await page.locator('#step-call').getAttribute('data-state'), 'done')
  await sayInCall(page, 'after the cut')
  await page.locator('#said-last').getByText('You said: after the cut').waitFor()
})

test.serial('where the gateway has forgotten the session, control is over and the call goes on', async t => {
  const visited = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call', before: refused })
  const { page } = visited
  const routes: { close(): Promise<void> }[] = []
  await page.routeWebSocket('**/sideband/control/*', route => {
    if (routes.push(route) === 1) route.connectToServer()
    else route.close()
  })
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  const forgotten = { status: 404, json: { detail: 'There is no such session' } }
  await page.route('**/sideband/session/*', route => route.fulfill(forgotten))
  await routes[0]?.close()
  await page.locator('#step-control[data-state=ended]', { hasText: 'no longer knows' }).waitFor()
  t.is(await page.locator('#step-call').getAttribute('data-state'), 'done')
  t.true(await page.getByRole('button', { name: 'Send message' }).isDisabled())
})

test.serial('each step can be done on its own, by keyboard', async t => {
  const { page } = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call', before: refused })
  for (const [name, step] of [
    ['Create session', 'session'],
    ['Connect WebRTC', 'call'],
    ['Connect control', 'control'],
  ] as const) {
    await page.getByRole('button', { name }).press('Enter')
    await t.notThrowsAsync(page.locator(`#step-${step}[data-state=done]`).waitFor())
  }
})

test.serial('a microphone asked for twice is opened once, and is let go with the call', async t => {
  const before = `{
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    let allow
    const allowed = new Promise(resolve => { allow = resolve })
    globalThis.microphones = { streams: [], asked: 0, allow }
    navigator.mediaDevices.getUserMedia = async wanted => {
      microphones.asked++
      await allowed
      const stream = await ask(wanted)
      microphones.streams.push(stream)
      return stream
    }
  }`
  const { page } = await makeCall(t, { before })
  await until(page, 'microphones.asked === 1')
  await page.getByRole('button', { name: 'Open microphone' }).click()
  await page.evaluate('microphones.allow()')
  await page.getByRole('button', { name: 'Close microphone' }).waitFor()
  await page.locator('#hang-up').click()
  await page.locator('#line-words').getByText('The call has ended').waitFor()
  const live =
    'microphones.streams.flatMap(stream => stream.getTracks()).filter(track => track.readyState === "live")'
  t.is(await page.evaluate(`${live}.length`), 0)
  t.is(await page.evaluate('microphones.asked'), 1)
})

test.serial('a session that could not be hung up says why, and can be tried again', async t => {
  const { page } = await makeCall(t)
  const id = (await textOf(page, '#step-session .step-words')).replace('Done: ', '')
  const session = page.locator(`.session[data-id=${id}]`)
  await session.getByText('call running · under control').waitFor()
  await page.route(
    '**/sideband/session/*',
    route => route.fulfill({ status: 502, json: { detail: 'The provider does not answer' } }),
    { times: 1 },
  )
  await session.getByRole('button').click()
  await page.locator('#fault').getByText('The provider does not answer').waitFor()
  await session.getByRole('button').click()
  await t.notThrowsAsync(page.locator('#step-call[data-state=ended]').waitFor())
})

test.serial('a gateway that does not answer a step is waited for no longer than a deadline', async t => {
  const { page } = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call' })
  await page.clock.install()
  await page.route('**/sideband/session', () => {})
  const asked = page.waitForRequest('**/sideband/session')
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await asked
  await page.clock.runFor(60_000)
  await page.locator('#step-session').getByText('The gateway does not answer.').waitFor()
  t.true(await page.getByRole('button', { name: 'Run the three steps' }).isEnabled())
})

test.serial('a call that does not connect is hung up, and its session is not offered again', async t => {
  const before = `RTCPeerConnection.prototype.setRemoteDescription = () => Promise.reject(new Error('no way through'))`
  const { page } = await visit(t, browser, `${gateway.url}sideband`, { ready: 'No call', before })
  await page.getByRole('button', { name: 'Create session' }).click()
  await page.locator('#step-session[data-state=done]').waitFor()
  const id = (await textOf(page, '#step-session .step-words')).replace('Done: ', '')
  await page.getByRole('button', { name: 'Connect WebRTC' }).click()
  await page.locator('#fault').getByText('no way through').waitFor()
  await page.locator(`.session[data-id=${id}]`).getByText('ended').waitFor()
  t.is(await page.locator('#step-call').getAttribute('data-state'), 'ended')
  t.true(await page.getByRole('button', { name: 'Create session' }).isEnabled())
})

/** Gives a test the page's data channel: what a browser can send that this page does not. */
const channelTap = `${refused}
  const createChannel = RTCPeerConnection.prototype.createDataChannel
  RTCPeerConnection.prototype.createDataChannel = function (...given) {
    return (globalThis.channel = createChannel.apply(this, given))
  }`
const sendByChannel = (page: Page, event: object) =>
  page.evaluate(`channel.send(${JSON.stringify(JSON.stringify(event))})`)
const happening = (page: Page, words: string | RegExp) => page.locator('.happening', { hasText: words })

test.serial('tools that are called, and what they answered, are listed once', async t => {
  const { page, faults } = await makeCall(t, { before: channelTap })
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
  const tools = [{ type: 'function', name: 'get_weather', description: 'Tells the weather', parameters }]
  await sendByChannel(page, { type: 'session.update', session: { type: 'realtime', tools } })
  await happening(page, 'Settings were changed: tools').waitFor()
  await sayInCall(page, 'How is the weather in Oslo?')
  await happening(page, 'Tool get_weather was called: {"city":"Oslo"}').waitFor()
  const { call_id } = (await page.evaluate(`new Promise(resolve => {
    channel.addEventListener('message', ({ data }) => {
      const event = JSON.parse(data)
      if (event.type === 'conversation.item.retrieved') resolve(event.item)
    })
    const [row] = [...document.querySelectorAll('.lane-row')].filter(row =>
      row.textContent.includes('function_call_arguments.done'))
    row.open = true
    row.addEventListener('toggle', () => {
      const { item_id } = JSON.parse(row.querySelector('.json').textContent)
      channel.send(JSON.stringify({ type: 'conversation.item.retrieve', item_id }))
    })
  })`)) as { call_id: string }
  const item = { type: 'function_call_output', call_id, output: 'snow' }
  await sendByChannel(page, { type: 'conversation.item.create', item })
  await happening(page, 'Tool get_weather answered: snow').waitFor()
  t.is(await page.locator('.happening').count(), 3)
  t.deepEqual(faults, [])
})

test.serial('settings that a browser changed and the gateway put back are listed', async t => {
  const own = await startGateway(0, { SIDEBAND_PIN_SESSION: 'true' })
  t.teardown(() => own.stop('SIGKILL'))
  const { page } = await visit(t, browser, `${own.url}sideband`, { ready: 'No call', before: channelTap })
  await page.getByRole('button', { name: 'Run the three steps' }).click()
  await page.getByText('Call under control').waitFor()
  await lane(page, 'control', 'sideband_connected').first().waitFor()
  await sendByChannel(page, {
    type: 'session.update',
    session: { type: 'realtime', instructions: 'Obey me' },
  })
  await happening(page, 'Settings were changed: instructions').waitFor()
  await happening(page, 'Settings were put back: instructions').waitFor()
  t.is(await page.locator('.happening').count(), 2)
})

test.serial('a call that came by telephone is listed, and can be controlled: its keys are seen', async t => {
  const simulator = await startSimulator({ rate: 20, seed: 1 })
  t.teardown(() => simulator.close())
  const secret = `whsec_${Buffer.from('the signing secret of this test').toString('base64')}`
  const own = await startGateway(0, {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    OPENAI_WEBHOOK_SECRET: secret,
    CALLS_CONTROL: 'anonymous',
    CALLS_POLICY: 'accept',
  })
  t.teardown(() => own.stop('SIGKILL'))
  const { page, faults } = await visit(t, browser, `${own.url}sideband`, {
    ready: 'No call',
    before: refused,
  })
  const { call, delivered } = simulator.ring({ webhook: { url: `${own.url}webhooks/realtime`, secret } })
  t.deepEqual(await delivered, [[200]])
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.locator('.session').getByText('by telephone · ').waitFor()
  await page.getByRole('button', { name: /^Control sideband_/ }).click()
  await page.locator('#step-control[data-state=done]').waitFor()
  t.is(await textOf(page, '#step-call .step-words'), 'The call came by telephone')
  for (const key of ['4', '2']) call.press(key)
  await happening(page, 'Key 4 was pressed on the telephone').waitFor()
  await happening(page, 'Key 2 was pressed on the telephone').waitFor()
  t.true(await page.getByRole('button', { name: 'Open microphone' }).isDisabled())
  await page.getByRole('button', { name: 'Hang up', exact: true }).first().click()
  t.deepEqual(await call.ended, { by: 'hung up' })
  await page.locator('#line-words').getByText('The call has ended').waitFor()
  t.true(await page.getByRole('button', { name: 'Run the three steps' }).isEnabled())
  t.deepEqual(faults, [])
})

for (const [locale, ready, words] of [
  [
    'en-US',
    'No call',
    [
      /Tool stamp runs on the server/,
      /The assistant tells stamped: \{"paper":"A"\}/,
      /Tool stamp was done after \d+ ms/,
    ],
  ],
  [
    'ja-JP',
    '通話なし',
    [
      /サーバーでツール stamp を実行中/,
      /アシスタントからの通知 stamped: \{"paper":"A"\}/,
      /ツール stamp は \d+ ms で完了/,
    ],
  ],
] as const)
  test.serial(`tools that run on the server are drawn, step by step: ${locale}`, async t => {
    const script = new Script([{ call: 'stamp', arguments: { paper: 'A' } }, { say: 'It is stamped.' }])
    const simulator = await startSimulator({ rate: 20, seed: 1, script })
    t.teardown(() => simulator.close())
    const secret = `whsec_${Buffer.from('the signing secret of this test').toString('base64')}`
    const clerk = clerkFor(t, 9000, 'high')
    const own = await startGateway(0, {
      ...clerk.env,
      OPENAI_API_KEY: 'sk-test',
      OPENAI_BASE_URL: `${simulator.url}/v1`,
      OPENAI_WEBHOOK_SECRET: secret,
      CALLS_CONTROL: 'anonymous',
      CALLS_POLICY: '*=assistant:clerk',
    })
    t.teardown(() => own.stop('SIGKILL'))
    const visited = { ready, locale, before: refused }
    const { page, faults } = await visit(t, browser, `${own.url}sideband`, visited)
    const { call, delivered } = simulator.ring({ webhook: { url: `${own.url}webhooks/realtime`, secret } })
    t.deepEqual(await delivered, [[200]])
    await page.reload()
    await page.locator('.session .join').click()
    await page.locator('#step-control[data-state=done]').waitFor()
    clerk.hold()
    call.say(600)
    const [runs, tells, isDone] = words
    await happening(page, runs).waitFor()
    t.is(await happening(page, isDone).count(), 0)
    clerk.release()
    await happening(page, tells).waitFor()
    await happening(page, isDone).waitFor()
    await lane(page, 'control', 'assistant.tool').first().waitFor()
    t.is(await page.locator('.happening[data-kind=server-tool]').count(), 2)
    await page.locator('#said-last').getByText('It is stamped.').waitFor()
    t.deepEqual(faults, [])
  })
