/** A log's reader that is slow, or does not read at all: a full pipe, as a container's log driver may leave it. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createLog, logOptions } from '../../runtime/observability/log.ts'
import { openLogOutput } from '../../runtime/observability/log-output.ts'

const base = { revision: 'local', replica: 'local' }

/** A pipe that holds as many empty lines as go in. @returns its writing end, and what reads all there is */
function fullPipe(t: ExecutionContext): { fd: number; read: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-log-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  // For both directions, as it could not be opened for reading alone before somebody writes.
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  t.teardown(() => {
    closeSync(reader)
    rmSync(folder, { recursive: true })
  })
  const filling = Buffer.alloc(4096, '\n')
  t.throws(
    () => {
      for (;;) writeSync(fd, filling)
    },
    { code: 'EAGAIN' },
  )
  const chunk = Buffer.alloc(65_536)
  return { fd, read: () => chunk.toString('utf8', 0, readSync(reader, chunk)) }
}

test('what a slow reader leaves no room for is lost, and it is told how many lines', async t => {
  const { fd, read } = fullPipe(t)
  const { promise: told, resolve } = Promise.withResolvers<number>()
  const { destination } = await openLogOutput({
    isTerminal: false,
    fd,
    maxWaitingBytes: 1000,
    onLost: resolve,
  })
  const log = createLog(logOptions('info', base), destination)
  for (let worker = 0; worker < 100; worker += 1) log.info('worker.started', { worker })
  read()
  const lost = await told
  const lines = read().trim().split('\n')
  t.is(lines.length + lost, 100)
  t.deepEqual(
    lines.map(line => JSON.parse(line).worker),
    lines.map((_, worker) => worker),
  )
})

test('the last lines are written before the end', async t => {
  const { fd, read } = fullPipe(t)
  read()
  const { destination, finish } = await openLogOutput({ isTerminal: false, fd, onLost: () => t.fail() })
  const log = createLog(logOptions('info', base), destination)
  for (let worker = 0; worker < 100; worker += 1) log.info('worker.started', { worker })
  await finish()
  await finish()
  t.notThrows(() => log.error('process.failed'))
  t.is(read().trim().split('\n').length, 100)
})

test('where nobody reads, the end does not wait for ever', async t => {
  const { fd } = fullPipe(t)
  const { destination, finish } = await openLogOutput({ isTerminal: false, fd, onLost: () => t.fail() })
  const log = createLog(logOptions('info', base), destination)
  log.info('worker.started')
  log.info('worker.exited')
  await finish()
  t.notThrows(() => (destination as unknown as { flushSync(): void }).flushSync())
})
