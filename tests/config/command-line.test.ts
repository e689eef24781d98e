/** What somebody at a terminal types, and reads. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { CommandLineError, readCommandLine } from '../../runtime/config/command-line.ts'
import { closestOf } from '../../runtime/core/closest.ts'

const root = join(import.meta.dirname, '../..')

/**
 * Runs the gateway at a terminal of its own (`script` of util-linux).
 * @param last with these words it is told to end
 * @returns what it showed
 */
function atTerminal(
  args: string,
  env: Record<string, string>,
  last = 'server.listening',
): Promise<{ shown: string; code: number }> {
  const command = `${process.execPath} runtime/main.ts ${args}`
  return new Promise(resolve => {
    const child = execFile(
      'script',
      ['--quiet', '--return', '--command', command, '/dev/null'],
      { cwd: root, env: { PATH: process.env.PATH, ...env }, timeout: 60_000 },
      (_fault, shown) => resolve({ shown, code: child.exitCode ?? -1 }),
    )
    child.stdout?.on('data', (text: string) => {
      // Ctrl+C.
      if (text.includes(last)) child.stdin?.write('\u0003')
    })
  })
}

test('flags are read; one that is none is refused, with the one that was meant', t => {
  t.deepEqual(readCommandLine([]), { tls: false, help: false, worker: 0 })
  t.deepEqual(readCommandLine(['--tls', '--worker=2']), { tls: true, help: false, worker: 2 })
  const refused = (...args: string[]) =>
    t.throws(() => readCommandLine(args), { instanceOf: CommandLineError })?.message
  t.is(refused('--tsl'), '--tsl is no flag of the gateway; did you mean --tls?')
  t.is(refused('--verbose'), '--verbose is no flag of the gateway; there are --tls and --help')
  t.is(refused('start'), 'start is no flag of the gateway; there are --tls and --help')
})

test('a slip is at most two edits; what is as near to two names means neither', t => {
  t.is(closestOf('REALTIME_VOCIE', ['REALTIME_VOICE', 'REALTIME_MODEL']), 'REALTIME_VOICE')
  t.is(closestOf('REALTIME_VOI', ['REALTIME_VOICE']), 'REALTIME_VOICE')
  t.is(closestOf('REALTIME_V', ['REALTIME_VOICE']), null)
  t.is(closestOf('ab', ['aa', 'bb']), null)
})

test('--help tells what there is, and starts nothing', async t => {
  const { shown, code } = await atTerminal('--help', {})
  t.is(code, 0)
  t.regex(shown, /--tls .*\r?\n.*--help/)
  t.notRegex(shown, /listening/)
})

test('at a terminal the greeting comes first, and an event is one short line', async t => {
  const { shown } = await atTerminal('', { PORT: '0', WORKERS: '1' })
  const lines = shown.split(/\r?\n/).filter(line => line.trim() !== '')
  t.regex(lines[0] ?? '', /Talk at http:\/\/127.0.0.1:\d+/)
  const events = lines.filter(line => line.includes('server.listening'))
  t.is(events.length, 1)
  t.regex(events[0] ?? '', /^\S*\[\d\d:\d\d:\d\d\].*INFO.*server.listening.*"port":\d+/)
})

test('who tries the gateway at a terminal is served by two processes, unless told otherwise', async t => {
  const { shown } = await atTerminal('', { PORT: '0' }, 'Ctrl+C ends it')
  t.regex(shown, /Two processes serve/)
  t.regex(shown, /"worker":1/)
  for (const env of [{ WORKERS: '1' }, { OPENAI_API_KEY: 'any', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }]) {
    const { shown } = await atTerminal('', { PORT: '0', ...env })
    t.regex(shown, /Talk at/)
    t.notRegex(shown, /Two processes|"worker"/)
  }
})

test('a port in use is one sentence that says what to set', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const { shown, code } = await atTerminal('', { PORT: String(port), LOG_LEVEL: 'warn' })
  t.is(code, 1)
  t.is(shown.trim(), `Cannot listen on 127.0.0.1 port ${port}: the port is in use; PORT chooses another`)
})

for (const WORKERS of ['1', '2'])
  test(`an address that is not this machine's is one sentence that names HOST, with WORKERS=${WORKERS}`, async t => {
    // RFC 5737: in nobody's network.
    const env = { HOST: '192.0.2.1', GATEWAY_AUTH: 'none', LOG_LEVEL: 'error', WORKERS }
    const { shown, code } = await atTerminal('', env)
    t.is(code, 1)
    t.regex(shown.trim(), /^Cannot listen on 192.0.2.1 port 8080: .*HOST is no address of this machine$/)
  })
