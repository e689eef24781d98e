/** The rehearsal, run as a person does; and with each planted fault, which its proofs must name. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test from 'ava'
import { launchChromium } from '../browser/_chromium.ts'
import type { Report } from '../rehearsal/types.ts'

const main = fileURLToPath(new URL('../rehearsal/main.ts', import.meta.url))

async function rehearse(...words: string[]): Promise<{ code: number | null; report: Report; page: string }> {
  const out = mkdtempSync(join(tmpdir(), 'rehearsal-report-'))
  const child = spawn(process.execPath, [main, '--duration', '1', '--out', out, ...words], {
    stdio: 'ignore',
  })
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
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
    t.timeout(120_000)
    const { code, report, page } = await rehearse('--sessions', '40', '--label')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.is(code, 0)
    t.like(report.figures, { lost: 0, doubled: 0, forgotten: 0 })
    t.true(report.figures.sockets > report.figures.clients, 'conversations moved')
    const browser = await launchChromium()
    t.teardown(() => browser.close())
    const view = await browser.newPage()
    const faults: string[] = []
    view.on('console', message => faults.push(message.text()))
    view.on('pageerror', fault => faults.push(String(fault)))
    await view.goto(pathToFileURL(page).href)
    t.is(await view.locator('article.passed').count(), report.proofs.length)
    t.is(await view.locator('tbody tr').count(), report.clients.length)
    t.true((await view.locator('svg .bars rect').count()) >= report.figures.sockets)
    t.deepEqual(faults, [])
  },
)

test.serial(
  'with a grace period too short for the answers, what was broken off is told and asked again',
  async t => {
    t.timeout(120_000)
    const { code, report } = await rehearse('--sessions', '20', '--grace', '2')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.true(report.figures.cut > 0)
    t.is(code, 0)
  },
)

test.serial('kill -9: every conversation goes on from the store', async t => {
  t.timeout(120_000)
  const { code, report } = await rehearse('--sessions', '30', '--kill')
  t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
  t.true((report.figures.closeCodes['1006'] ?? 0) >= 30)
  t.is(code, 0)
})

test.serial(
  'a replica that is scaled in hands its conversations to the other replica of its revision',
  async t => {
    t.timeout(120_000)
    const { code, report } = await rehearse('--sessions', '20', '--scale-in')
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.is(code, 0)
  },
)

for (const [plant, proof, ...more] of [
  ['accept-while-draining', 'cooldownPeriod'],
  ['ignore-sigterm', 'graceful termination', '--grace', '2'],
  ['ignore-weight', 'multi-revision'],
  ['lose-tickets', 'continuity'],
] as const) {
  test.serial(`the planted fault "${plant}" is named by the proof "${proof}"`, async t => {
    t.timeout(120_000)
    const { code, report } = await rehearse('--sessions', '10', '--plant', plant, ...more)
    t.true(failed(report).includes(proof), JSON.stringify(report.proofs, null, 1))
    t.is(code, 1)
  })
}
