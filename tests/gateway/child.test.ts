/** A test that waits in vain: ava ends it, and ends itself, and nothing that the test has started is left. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { lineOf, startChild } from './child.ts'
import { patienceMs, until, within } from './within.ts'

const ava = join(import.meta.dirname, '../../node_modules/ava/entrypoints/cli.js')

/** Timeouts of the runner (s). On a busy machine the first may be over before everything has been started. */
const timeouts = [5, 20, 80]

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.serial('a test that never ends keeps ava from ending no longer than its timeout', async t => {
  t.timeout(10 * patienceMs)
  const folder = mkdtempSync(join(tmpdir(), 'unending-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const started = join(folder, 'started')
  for (const seconds of timeouts) {
    const runner = startChild(t, process.execPath, [ava, '--timeout', `${seconds}s`], {
      cwd: join(import.meta.dirname, 'unending'),
      env: { ...process.env, STARTED_FILE: started },
      showsErrors: false,
    })
    let said = ''
    for (const output of [runner.stdout, runner.stderr])
      output.on('data', chunk => {
        said += chunk
      })
    // When its output is closed too, which whoever inherited it would hold open.
    const closed = new Promise(resolve => runner.once('close', resolve))
    t.is(await within(closed, seconds * 1000 + patienceMs, 'ava does not end'), 1, said)
    t.regex(said, /Timed out while running tests/)
    if (!existsSync(started)) continue
    t.regex(said, /waits in vain/)
    break
  }
  const pids: number[] = JSON.parse(readFileSync(started, 'utf8'))
  t.true(pids.length >= 8, 'the processes were found')
  const left = () => pids.filter(isAlive)
  await until(
    () => left().length === 0,
    () => `of ${pids.length} processes, ${left()} do not end`,
  )
})

test('a process that ends or says nothing before the awaited line is told by what it did not do', async t => {
  const run = (code: string) => startChild(t, process.execPath, ['--eval', code])
  const port = (child: ReturnType<typeof run>, ms?: number) =>
    lineOf(
      child,
      line => (line.startsWith('port ') ? Number(line.slice(5)) : undefined),
      'it does not listen',
      ms,
    )
  t.is(await port(run("console.log('so'); console.log('port 7')")), 7)
  await t.throwsAsync(port(run('process.exit(3)')), { message: 'it does not listen: it ended with 3' })
  const silent = run('setInterval(() => undefined, 1000)')
  const gone = new Promise(resolve => silent.once('exit', (_code, signal) => resolve(signal)))
  await t.throwsAsync(port(silent, 50), { message: 'it does not listen within 50 ms' })
  t.is(await within(gone, patienceMs, 'the silent process is not killed'), 'SIGKILL')
  await t.throwsAsync(port(startChild(t, '/nowhere/program', [])), { code: 'ENOENT' })
})
