/** An assistant with tools in a call: an order is placed by voice, and what the browser is shown of it. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Script, type ScriptedAnswer } from '../../runtime/simulator/model/script.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { folderWith } from '../assistants/folders.ts'
import { launchChromium } from '../browser/_chromium.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { request } from './caller.ts'

type CallEvent = { type: string; [field: string]: unknown }

/** The café as it ships, offered over WebRTC. */
function visibleCafe(t: ExecutionContext): string {
  const root = folderWith(t, {})
  cpSync(join(import.meta.dirname, '../../assistants/cafe'), join(root, 'cafe'), { recursive: true })
  const file = join(root, 'cafe/assistant.yaml')
  writeFileSync(file, `${readFileSync(file, 'utf8')}webrtc: visible\n`)
  return root
}

const order: readonly ScriptedAnswer[] = [
  { call: 'add_item', arguments: { sku: 'flat-white', size: 'small', quantity: 2 } },
  { say: 'Two small flat whites. Anything else?' },
  { call: 'place_order' },
  { say: 'Your order is placed.' },
]

const environments = {
  openai: (url: string) => ({ OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${url}/v1` }),
  azure: (url: string) => ({ AZURE_OPENAI_ENDPOINT: url, AZURE_OPENAI_API_KEY: 'azure-test' }),
}

const models = {
  openai: { OPENAI_REALTIME_MODEL: 'gpt-realtime' },
  azure: { AZURE_OPENAI_DEPLOYMENT: 'gpt-realtime' },
}

/** As the simulator shows it after each vendor; `docs/tools.md` has the same table. */
const shown = {
  openai: { names: true, arguments: true, outputs: true, definitions: true, instructions: true },
  azure: { names: true, arguments: false, outputs: true, definitions: false, instructions: false },
}

/** Says something into the microphone, and waits until control has seen the whole turn. */
async function speak(page: { evaluate(script: string): Promise<unknown> }, control: Talk): Promise<Said[]> {
  await page.evaluate('call.microphone.enabled = true')
  const before = await callEvent(control, 'input_audio_buffer.speech_started')
  await page.evaluate('call.microphone.enabled = false')
  const after = await callEvent(control, 'response.output_audio_transcript.done')
  const stopped = await callEvent(control, 'output_audio_buffer.stopped')
  return [...before, ...after, ...stopped]
}

type Said = { type: string; [field: string]: unknown }

const callEvent = (control: Talk, type: string): Promise<Said[]> =>
  control.until('openai_event', ({ event }) => (event as CallEvent).type === type)

for (const vendor of ['openai', 'azure'] as const) {
  test.serial(`an order is placed by voice in a browser, through tools on the server: ${vendor}`, async t => {
    t.timeout(120_000)
    const script = new Script(order)
    const simulator = await startSimulator({ script, rate: 4 })
    t.teardown(() => simulator.close())
    const gateway = await gatewayFor(t, {
      ...environments[vendor](simulator.url),
      ...models[vendor],
      ASSISTANTS_DIR: visibleCafe(t),
    })
    const browser = await launchChromium([
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
    ])
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    await page.goto(gateway.url)
    await page.evaluate(readFileSync(join(import.meta.dirname, 'page.js'), 'utf8'))
    const made = await request<{ session_id: string }>(`${gateway.url}/sideband/session`, {
      method: 'POST',
      body: { assistant: 'cafe' },
    })
    const sessionId = made.body.session_id
    await page.evaluate(`startCall(${JSON.stringify(sessionId)})`)
    const control = await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)
    await control.until('sideband_connected')
    await gateway.logged('sideband.control.connected')
    const first = await speak(page, control)
    const second = await speak(page, control)
    const activity = [...first, ...second].filter(({ type }) => type === 'assistant.tool')
    t.deepEqual(
      activity.map(({ name, status }) => [name, status]),
      [
        ['add_item', 'running'],
        ['add_item', 'done'],
        ['place_order', 'running'],
        ['place_order', 'done'],
      ],
    )
    const told = [...first, ...second].filter(({ type }) => type === 'assistant.event')
    t.deepEqual(
      told.map(({ name }) => name),
      ['order', 'order-placed'],
    )
    t.is(script.left, 0)
    const events = (await page.evaluate('call.events')) as CallEvent[]
    t.deepEqual(shownOf(events), shown[vendor])
    t.is(await page.evaluate('call.peer.connectionState'), 'connected')
  })
}

/** What a browser was shown of the tools and of the prompt. */
function shownOf(events: readonly CallEvent[]) {
  const text = JSON.stringify(events)
  const items = events.map(({ item }) => (item ?? {}) as Record<string, unknown>)
  return {
    names: items.some(({ name }) => name === 'add_item'),
    arguments:
      items.some(item => item.type === 'function_call' && String(item.arguments).includes('flat-white')) ||
      events.some(({ type }) => type.startsWith('response.function_call_arguments')),
    outputs: items.some(({ type, output }) => type === 'function_call_output' && output !== ''),
    definitions: text.includes('Adds an item of the menu'),
    instructions: text.includes('You take orders at the counter'),
  }
}
