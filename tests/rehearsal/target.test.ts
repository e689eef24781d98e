/** The rehearsal against a gateway that is there already: two revisions whose weights somebody else moves, or `az`. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { startChild } from '../gateway/child.ts'
import { type Stage, setStage } from './stage.ts'
import type { Report } from './types.ts'

const hungMs = 300_000
const main = fileURLToPath(new URL('./main.ts', import.meta.url))

/** Blue takes all new connections; green is up. */
async function deployed(t: ExecutionContext): Promise<Stage> {
  const ends: (() => unknown)[] = []
  t.teardown(async () => {
    for (const end of ends.reverse()) await end()
  })
  const stage = await setStage(
    { grace: 30, pingInterval: 10, plant: 'none', mode: 'switch', network: 'good', tools: false, seed: 1 },
    ends,
  )
  await stage.proxy.setWeights({ blue: 100, green: 0 })
  return stage
}

interface Run {
  readonly code: number | null
  readonly said: readonly string[]
  readonly report: Report
}

/** @param onLine sees every line as it is said */
async function rehearse(
  t: ExecutionContext,
  words: readonly string[],
  path: string,
  onLine: (line: string) => void = () => undefined,
): Promise<Run> {
  const out = mkdtempSync(join(tmpdir(), 'rehearsal-target-'))
  const child = startChild(t, process.execPath, [main, '--sessions', '5', '--out', out, ...words], {
    env: { ...process.env, PATH: path },
  })
  const said: string[] = []
  createInterface({ input: child.stdout }).on('line', line => {
    said.push(line)
    onLine(line)
  })
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  return { code, said, report: JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) }
}

function failed({ proofs }: Report): string[] {
  return proofs.filter(({ passed }) => !passed).map(({ name }) => name)
}

/** An `az` that asks the test what to do. @returns the folder for the path, and what it was told */
async function fakeAz(t: ExecutionContext, answer: (command: string) => Promise<string> | string) {
  const commands: string[] = []
  const server = createServer(async (request, response) => {
    const args: string[] = []
    for await (const chunk of request) args.push(String(chunk))
    commands.push(args.join(''))
    const text = await answer(args.join(''))
    response.writeHead(text.startsWith('ERROR') ? 500 : 200).end(text)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const folder = mkdtempSync(join(tmpdir(), 'az-'))
  const script = `#!${process.execPath}
const answer = await fetch('http://127.0.0.1:${port}', { method: 'POST', body: process.argv.slice(2).join(' ') })
const text = await answer.text()
if (answer.ok) console.log(text)
else console.error(text)
process.exitCode = answer.ok ? 0 : 1
`
  writeFileSync(join(folder, 'az'), script, { mode: 0o755 })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return { path: `${folder}:${process.env.PATH}`, commands }
}

const where = '--name voice --resource-group rg'
const listed = JSON.stringify([
  { name: 'blue', properties: { active: true, createdTime: '2026-01-01T00:00:00+00:00' } },
  { name: 'green', properties: { active: true, createdTime: '2026-01-03T00:00:00+00:00' } },
  { name: 'older', properties: { active: true, createdTime: '2026-01-02T00:00:00+00:00' } },
  { name: 'gone', properties: { active: false, createdTime: '2026-01-04T00:00:00+00:00' } },
])

test.serial(
  'a deployed gateway is watched while somebody moves its revisions, and told how to do it',
  async t => {
    t.timeout(hungMs)
    const { url, proxy, blue } = await deployed(t)
    let moves = 0
    let weightsMoved = Promise.resolve()
    const move = async (line: string) => {
      if (!/ s {2}blue: /.test(line)) return
      moves += 1
      if (moves === 1) weightsMoved = proxy.setWeights({ blue: 0, green: 100 })
      await weightsMoved
      if (moves === 2) await blue.end('SIGTERM')
    }
    const words = ['--target', url.replace('ws:', 'http:'), '--duration', '20']
    const { code, said, report } = await rehearse(t, words, process.env.PATH ?? '', line => void move(line))
    t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
    t.is(code, 0)
    t.true(
      said.includes(
        '  az containerapp ingress traffic set --name APP --resource-group GROUP --revision-weight blue=50 NEW=50',
      ),
    )
    const first = report.clients.filter(({ cohort }) => cohort === 'first')
    for (const { id, links } of first) {
      const path = links.map(({ revision, replica, code }) => [revision, replica, code])
      t.deepEqual(
        path,
        [
          ['blue', 'blue-1', 1012],
          ['green', 'green-1', null],
        ],
        `client ${id}`,
      )
    }
    t.like(report.events, { lost: 0, doubled: 0, disordered: 0 })
    t.true(report.events.seen > 500)
  },
)

test.serial('where az is, it moves the revisions: these commands, in this order', async t => {
  t.timeout(hungMs)
  const { url, proxy, blue } = await deployed(t)
  const { path, commands } = await fakeAz(t, async command => {
    const [, old, young] = /blue=(\d+) green=(\d+)/.exec(command) ?? []
    if (old !== undefined) await proxy.setWeights({ blue: Number(old), green: Number(young) })
    if (command.includes('deactivate')) void blue.end('SIGTERM')
    return command.includes('revision list') ? listed : ''
  })
  const words = ['--target', url, '--duration', '1', '--app', 'voice', '--resource-group', 'rg']
  const { code, report } = await rehearse(t, words, path)
  t.deepEqual(commands, [
    `containerapp revision list ${where} --output json`,
    `containerapp ingress traffic set ${where} --revision-weight blue=100 green=0`,
    `containerapp revision label add ${where} --label next --revision green --yes`,
    `containerapp ingress traffic set ${where} --revision-weight blue=50 green=50`,
    `containerapp ingress traffic set ${where} --revision-weight blue=0 green=100`,
    `containerapp revision deactivate ${where} --revision blue`,
  ])
  t.deepEqual(failed(report), [], JSON.stringify(report.proofs, null, 1))
  t.is(code, 0)
  t.true(report.marks.some(({ what }) => what === 'blue is left'))
})

for (const [what, refusal] of [
  ['an az that fails', 'ERROR: (Conflict) another operation is under way'],
  ['no az', null],
] as const) {
  test.serial(`${what} is told, what is left to do is printed, and the conversations go on`, async t => {
    t.timeout(hungMs)
    const { url } = await deployed(t)
    const { path } = await fakeAz(t, command =>
      command.includes('green=50') && refusal !== null ? refusal : command.includes('list') ? listed : '',
    )
    const words = ['--target', url, '--duration', '2', '--app', 'voice', '--resource-group', 'rg']
    const { code, said, report } = await rehearse(t, words, refusal === null ? '/nowhere' : path)
    t.is(code, 1)
    const evidence = report.proofs.find(({ name }) => name === 'commands')?.evidence.join('\n') ?? ''
    t.true(evidence.includes(refusal ?? 'az is not on the path'), evidence)
    const young = refusal === null ? 'NEW' : 'green'
    const left = said.filter(line => line.startsWith('  az '))
    t.is(left.length, refusal === null ? 5 : 3)
    t.is(left.at(-2), `  az containerapp ingress traffic set ${where} --revision-weight blue=0 ${young}=100`)
    t.true(failed(report).includes('commands'))
    t.false(failed(report).includes('continuity'), JSON.stringify(report.proofs, null, 1))
  })
}
