/** The page of the Agents SDK in a real Chromium, and the example that controls its call from a server. */
import test from 'ava'
import { stageOf } from '../gateway/file-stage.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { patienceMs } from '../gateway/within.ts'
import { openStall, type Stall } from '../simulator/chromium.ts'
import { type Example, runExample, startExample } from './example.ts'

const stage = stageOf(test)
let gateway: TestGateway
let stall: Stall
let server: Example
let pageUrl: string
let env: Record<string, string>

const keepsMicrophone = `
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async wanted => (globalThis.microphone = await ask(wanted))`

test.before(async () => {
  gateway = await gatewayFor(stage, {
    SIMULATOR_RATE: '8',
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'reader:the-key-of-a-reader',
  })
  env = { GATEWAY_URL: gateway.url, GATEWAY_KEY: 'the-key-of-a-reader' }
  server = startExample(stage, 'agents-webrtc/server.js', { ...env, PORT: '0' })
  pageUrl = /http:\S+/.exec(await server.printed(/^page at /))?.[0] ?? ''
  stall = await openStall('Could you tell me something about the sea')
  stage.teardown(() => stall.close())
})

test.serial(
  'the page calls, is heard and answered; sideband-control.js joins and speaks; the page hangs up',
  async t => {
    const page = await stall.page()
    await page.addInitScript(keepsMicrophone)
    await page.goto(pageUrl)
    await page.getByRole('button', { name: 'Call' }).click()
    const line = (words: string) => page.getByRole('listitem').filter({ hasText: words }).first()
    await line('I heard you speak for').waitFor({ timeout: patienceMs })
    // A caller who speaks again interrupts what the supervisor has the model say.
    await page.evaluate('for (const track of microphone.getTracks()) track.enabled = false')
    const control = startExample(stage, 'sideband-control.js', env, [
      'Always begin with "Supervisor here."',
      'good morning to all',
    ])
    await control.printed(/^controlling rtc_/)
    await control.printed(/^model: +Supervisor here\. You said: good morning to all/)
    await line('Supervisor here. You said: good morning to all').waitFor({ timeout: patienceMs })
    await page.getByRole('button', { name: 'Hang up' }).click()
    await control.printed(/^the call is over: /)
    t.is(await page.getByRole('status').textContent(), 'The call is over')
    t.is(await control.exited, 0)
    await page.close()
  },
)

test.serial('the page says why a call came to nothing', async t => {
  const withoutKey = startExample(stage, 'agents-webrtc/server.js', { GATEWAY_URL: gateway.url, PORT: '0' })
  const page = await stall.page()
  await page.goto(/http:\S+/.exec(await withoutKey.printed(/^page at /))?.[0] ?? '')
  await page.getByRole('button', { name: 'Call' }).click()
  await page.getByRole('status').filter({ hasText: '401' }).waitFor({ timeout: patienceMs })
  t.true(await page.getByRole('button', { name: 'Call' }).isEnabled())
  await page.close()
})

test.serial('sideband-control.js says so where there is no call, and where its key is wrong', async t => {
  const idle = await gatewayFor(stage)
  const { code, text } = await runExample(stage, 'sideband-control.js', { GATEWAY_URL: idle.url })
  t.is(code, 1)
  t.regex(text, /There is no call at http/)
  const stranger = await runExample(stage, 'sideband-control.js', { GATEWAY_URL: gateway.url })
  t.is(stranger.code, 1)
  t.not(stranger.text, '')
})
