/** The rehearsal, run as a person does; and with each planted fault, which its proofs must name. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { launchChromium } from '../browser/_chromium.ts'
import { startChild } from '../gateway/child.ts'
import type { Plant } from './options.ts'
import { phases, type Report } from './types.ts'

const hungMs = 300_000
const main = fileURLToPath(new URL('./main.ts', import.meta.url))

async function rehearse(
  t: ExecutionContext,
  ...words: string[]
): Promise<{ code: number | null; report: Report; page: string }> {
  const out = mkdtempSync(join(tmpdir(), 'rehearsal-report-'))
  const child = startChild(t, process.execPath, [main, '--duration', '1', '--out', out, ...words], {
    showsErrors: false,
  })
  child.stdout.resume()
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  if (!existsSync(join(out, 'report.json'))) throw new Error(`No report, exit code ${code}: ${said}`)
  return {
    code,
    report: JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')),
    page: join(out, 'index.html'),
  }
}

function failed({ proofs }: Report): string[] {
  return proofs.filter(({ passed }) => !passed).map(({ name }) => name)
}

test.serial(
  'a switch to a new revision loses no conversation, and the report says so on screen and in a table',
  async t => {
    t.timeout(hungMs)
    const { code, report, page } = await rehearse(t, '--sessions', '40', '--label')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.is(code, 0)
    t.like(report.figures, { lost: 0, doubled: 0, forgotten: 0 })
    t.like(report.events, { lost: 0, doubled: 0, disordered: 0, foreign: 0 })
    t.true(report.events.seen > 40 * 20, 'words, sounds and events were counted')
    t.true(report.figures.sockets > report.figures.clients, 'conversations moved')
    for (const phase of phases.filter(phase => phase !== 'away'))
      t.true((report.phases?.[phase] ?? 0) > 0, phase)
    const browser = await launchChromium()
    t.teardown(() => browser.close())
    const view = await browser.newPage()
    const faults: string[] = []
    view.on('console', message => faults.push(message.text()))
    view.on('pageerror', fault => faults.push(String(fault)))
    await view.goto(pathToFileURL(page).href)
    t.is(await view.locator('article.passed').count(), report.proofs.length)
    t.is(
      await view.getByRole('region', { name: 'The same as a table' }).locator('tbody tr').count(),
      report.clients.length,
    )
    const ticks = await view.locator('svg .bars .tick').getAttribute('d')
    t.is(ticks?.match(/M/g)?.length, report.figures.sockets, 'a tick for each socket')
    for (const word of ['blue', 'green', 'connecting', 'idle', 'listening', 'speaking', 'tool pending'])
      t.is(await view.locator('svg .legend').getByText(word, { exact: true }).count(), 1, word)
    t.deepEqual(faults, [])
  },
)

test.serial(
  'with a grace period too short for the answers, what was broken off is told and asked again',
  async t => {
    t.timeout(hungMs)
    const { code, report } = await rehearse(t, '--sessions', '20', '--grace', '7')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.true(report.figures.cut > 0)
    t.true(report.events.cut > 0, 'what came of them is counted apart')
    t.like(report.events, { lost: 0, doubled: 0, disordered: 0, foreign: 0 })
    t.is(code, 0)
  },
)

test.serial('kill -9: every conversation goes on from the store', async t => {
  t.timeout(hungMs)
  const { code, report } = await rehearse(t, '--sessions', '30', '--kill')
  t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
  t.true((report.figures.closeCodes['1006'] ?? 0) >= 30)
  const inFlight = report.clients.filter(({ links }) => links.some(({ cut }) => cut)).length
  t.is(report.figures.cut, inFlight, 'only what was in flight is asked again')
  t.is(code, 0)
})

test.serial(
  'a replica that is scaled in hands its conversations to the other replica of its revision',
  async t => {
    t.timeout(hungMs)
    const { code, report } = await rehearse(t, '--sessions', '20', '--scale-in')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.is(code, 0)
  },
)

test.serial('on a bad network every proof holds', async t => {
  t.timeout(hungMs)
  const { code, report } = await rehearse(t, '--network', 'bad', '--sessions', '20', '--seed', '1')
  t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
  t.true(report.proofs.some(({ name }) => name === 'bad network'))
  t.true(
    report.clients.some(({ links }) => links.some(({ broken }) => broken !== null)),
    'sockets broke',
  )
  t.is(code, 0)
})

test.serial('tools that run on the server run to their end in a drain', async t => {
  t.timeout(hungMs)
  const { code, report } = await rehearse(t, '--tools', '--sessions', '20')
  t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
  t.true(report.proofs.some(({ name }) => name === 'server tools'))
  t.is(code, 0)
})

test.serial(
  'kill -9 while tools run on the server: none runs twice, and the model is told of each',
  async t => {
    t.timeout(hungMs)
    const { code, report } = await rehearse(t, '--tools', '--kill', '--grace', '20', '--sessions', '20')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.true(report.clients.some(({ turns }) => turns.some(({ call }) => call === 'interrupted')))
    t.is(code, 0)
  },
)

/** One delta in the middle of a long answer: what it is counted as, and how the evidence names it. */
const spoilings: Partial<Record<Plant, { count: 'lost' | 'doubled' | 'disordered'; named: RegExp }>> = {
  'lose-delta': { count: 'lost', named: /^turn \d+: lost: "42"$/ },
  'double-delta': { count: 'doubled', named: /^turn \d+: doubled: "42"$/ },
  'swap-deltas': { count: 'disordered', named: /^turn \d+: out of order: "4[23]"$/ },
}

for (const [plant, proof, ...more] of [
  ['accept-while-draining', 'cooldownPeriod'],
  ['ignore-sigterm', 'graceful termination', '--grace', '2'],
  ['ignore-weight', 'multi-revision'],
  ['lose-tickets', 'continuity'],
  ['lose-delta', 'continuity'],
  ['double-delta', 'continuity'],
  ['swap-deltas', 'continuity'],
  ['repeat-tools', 'server tools', '--tools', '--kill', '--grace', '20'],
] as const) {
  test.serial(`the planted fault "${plant}" is named by the proof "${proof}"`, async t => {
    t.timeout(hungMs)
    const { code, report } = await rehearse(t, '--sessions', '10', '--plant', plant, ...more)
    t.true(failed(report).includes(proof), JSON.stringify(report.proofs, null, 1))
    t.is(code, 1)
    const spoilt = spoilings[plant]
    if (spoilt === undefined) return
    t.deepEqual(failed(report), ['continuity'])
    t.is(report.events[spoilt.count], report.clients.filter(({ faults }) => faults.length > 0).length)
    const faults = report.clients.flatMap(({ faults }) => faults)
    t.true(faults.length > 0)
    for (const fault of faults) t.regex(fault, spoilt.named)
  })
}
