/** The budget of a whole process: readers that are slow, and tools, take no more than it, and nobody else notices. */
import test from 'ava'
import { assistant, folderWith } from '../assistants/folders.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { fakeUpstream } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'

const event = JSON.stringify({ type: 'response.output_audio.delta', delta: 'A'.repeat(64 * 1024) })
const readers = 40
const budgetMb = 360

test.serial(
  'slow readers beyond the budget end by name, the reader beside them goes on, and memory comes back',
  async t => {
    t.timeout(90_000)
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayProcess(t, {
      ...upstream.env,
      REALTIME_ALLOWED_EVENT_TYPES: '*',
      REALTIME_AUTO_CLOSE: 'false',
      CLIENT_BUFFER_KB: '16384',
      // Who does not read answers no ping either: it is the budget that ends them here.
      REALTIME_HEARTBEAT_SEC: '60',
      MEMORY_BUDGET_MB: String(budgetMb),
    })
    const bystander = await converse(t, `${gateway.socketUrl}/realtime`)
    const beside = await upstream.session()
    const sessions = []
    for (let n = 0; n < readers; n += 1) {
      const talk = await converse(t, `${gateway.socketUrl}/realtime`)
      talk.socket.pause()
      const session = await upstream.session()
      sessions.push({ talk, session })
    }
    const ready = () => fetch(`${gateway.url}/readyz`)
    t.is((await ready()).status, 200)
    // Each is sent more than its buffer takes until the process has no more memory for all of them.
    const ended = gateway.logged('memory.session_ended')
    const refusing = gateway.logged('memory.near')
    for (let part = 0; part < 300; part += 1) for (const { session } of sessions) session.send(event)
    await refusing
    const { heldBytes } = await ended
    t.true(Number(heldBytes) > 1024 * 1024)
    const { code, reason } = await gateway.logged('connection.closed')
    t.is(`${code} ${reason}`, '1013 memory_exhausted')
    beside.send({ type: 'still.here' })
    t.is((await bystander.until('still.here')).at(-1)?.type, 'still.here')
    const reasons = gateway.lines
      .filter(({ event }) => event === 'connection.closed')
      .map(line => line.reason)
    t.deepEqual([...new Set(reasons)], ['memory_exhausted'])
    for (const { talk } of sessions) talk.socket.terminate()
    await gateway.logged('memory.calm', undefined, 30_000)
    t.is((await ready()).status, 200)
    const another = await converse(t, `${gateway.socketUrl}/realtime`)
    t.is((await another.next()).type, 'session.created')
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    t.regex(metrics, /^gateway_memory_budget_bytes\{[^}]*\} 377487360$/m)
    t.regex(metrics, /^gateway_held_bytes\{[^}]*\} \d+/m)
  },
)

const hoard = `
import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({
  description: 'Takes memory without end',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  async run() {
    const kept = []
    for (;;) {
      kept.push(Buffer.alloc(4 * 1024 * 1024, 1))
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  },
})
`

test.serial('a tool that takes what the budget has left is interrupted, and sessions go on', async t => {
  t.timeout(90_000)
  const gateway = await gatewayProcess(t, {
    ASSISTANTS_DIR: folderWith(t, {
      ...assistant('dragon', 'session: { output_modalities: [text] }'),
      'dragon/tools/hoard.ts': hoard,
    }),
    // The least that a gateway with one process of tools can serve with; the tool alone may have far more.
    MEMORY_BUDGET_MB: '1',
    TOOLS_MEMORY_MB: '8192',
  })
  const talk = await converse(t, `${gateway.socketUrl}/chat?assistant=dragon`)
  const isShown = async () =>
    /^gateway_tools_resident_bytes\{[^}]*\} \d{8,}$/m.test(
      await (await fetch(`${gateway.url}/metrics`)).text(),
    )
  await until(isShown, 'it is not shown')
  talk.send({ text: 'hoard' })
  const { toolBytes } = await gateway.logged('memory.near')
  t.true(Number(toolBytes) > 64 * 1024 * 1024)
  t.like(await gateway.logged('tool.host.ended'), { end: 'over_budget', interrupted: 1, assistant: 'dragon' })
  const messages = await talk.until('status', ({ message }) => message === 'Model ready')
  const said = messages.filter(({ type }) => type === 'text-delta').map(({ value }) => value)
  t.regex(said.join(''), /The tool answered: {"error":"interrupted","may_have_run":true}$/)
  await gateway.logged('memory.calm')
  t.is((await fetch(`${gateway.url}/readyz`)).status, 200)
  t.deepEqual(
    gateway.lines.filter(({ event }) => event === 'memory.session_ended'),
    [],
  )
})
