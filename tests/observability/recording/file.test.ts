import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Upstream, UpstreamListener } from '../../../runtime/core/ports.ts'
import type { RecordingLimits } from '../../../runtime/observability/recording/file.ts'
import { createRecorder } from '../../../runtime/observability/recording/recorder.ts'

const event = (n: number) => Buffer.from(JSON.stringify({ type: 'new.event', n }))

function record(folder: string, limits: RecordingLimits) {
  const heard: number[] = []
  const warned: object[] = []
  const log = {
    info: () => undefined,
    warn: (_event: string, fields: object = {}) => void warned.push(fields),
    error: () => undefined,
  }
  const recorder = createRecorder({ folder, words: false, log, limits })
  const session: UpstreamListener = {
    opened: () => undefined,
    event: frame => void heard.push(JSON.parse(frame.toString()).n),
    closed: () => undefined,
    failed: () => undefined,
    fault: () => undefined,
  }
  let said: Upstream | null = null
  const line = recorder.record({ ...session, opened: upstream => (said = upstream) }, 'connection-1')
  line.opened({
    send: () => undefined,
    buffered: () => 0,
    pause: () => undefined,
    giveUp: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  })
  const say = (n: number) => said?.send(event(n))
  return { line, say, heard, warned, recorder }
}

function linesIn(folder: string): { from: string; event: Record<string, unknown> }[] {
  const text = readFileSync(join(folder, readdirSync(folder)[0] ?? ''), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'recordings-'))

test('at the size limit a recording stops, says so in its last line, and the session goes on', async t => {
  const folder = newFolder()
  const { line, heard, recorder } = record(folder, { maxFileBytes: 1000, maxWaitingBytes: 1_000_000 })
  for (let n = 0; n < 100; n += 1) line.event(event(n), false)
  await recorder.close()
  const lines = linesIn(folder)
  t.deepEqual(lines.at(-1), {
    ...lines.at(-1),
    from: 'recorder',
    event: { type: 'recording.stopped', reason: 'file_limit' },
  })
  t.true(lines.length > 5 && lines.length < 20)
  t.is(heard.length, 100)
})

test('a disk that does not keep up ends a recording, not the session, and holds no more than its share of memory', async t => {
  const folder = newFolder()
  const { line, heard, recorder } = record(folder, { maxFileBytes: 1_000_000, maxWaitingBytes: 500 })
  for (let n = 0; n < 100; n += 1) line.event(event(n), false)
  await recorder.close()
  t.is(linesIn(folder).at(-1)?.event.reason, 'disk_too_slow')
  t.is(heard.length, 100)
})

test("upstream's close code is in the last line", async t => {
  const folder = newFolder()
  const { line, recorder } = record(folder, { maxFileBytes: 1000, maxWaitingBytes: 1000 })
  line.event(event(1), false)
  line.closed(1001, 'whatever it says')
  await recorder.close()
  t.deepEqual(linesIn(folder).at(-1)?.event, {
    type: 'recording.stopped',
    reason: 'session_over',
    code: 1001,
  })
})

test('a folder that takes no files: one warning for all sessions', async t => {
  const { line, heard, warned, recorder } = record('/dev/null', { maxFileBytes: 1000, maxWaitingBytes: 1000 })
  line.event(event(1), false)
  const other = recorder.record(
    {
      opened: () => undefined,
      event: () => undefined,
      closed: () => undefined,
      failed: () => undefined,
      fault: () => undefined,
    },
    'connection-2',
  )
  await recorder.close()
  other.event(event(2), false)
  t.deepEqual(warned, [{ folder: '/dev/null', reason: 'ENOTDIR' }])
  t.deepEqual(heard, [1])
})

test('what was said to an upstream that never says anything is recorded at the end', async t => {
  const folder = newFolder()
  const { line, say, recorder } = record(folder, { maxFileBytes: 1_000_000, maxWaitingBytes: 1_000_000 })
  for (let n = 0; n < 3; n += 1) say(n)
  line.closed(1006, '')
  await recorder.close()
  t.deepEqual(
    linesIn(folder).map(({ from, event }) => [from, event.type]),
    [...Array.from({ length: 3 }, () => ['client', 'new.event']), ['recorder', 'recording.stopped']],
  )
})

test('likewise where the process ends first', async t => {
  const folder = newFolder()
  const { say, recorder } = record(folder, { maxFileBytes: 1_000_000, maxWaitingBytes: 1_000_000 })
  say(1)
  await recorder.close()
  t.deepEqual(
    linesIn(folder).map(({ from }) => from),
    ['client', 'recorder'],
  )
})

test('of what waits for the first word of upstream no more is held than may wait for the disk', async t => {
  const folder = newFolder()
  const { line, say, recorder } = record(folder, { maxFileBytes: 1000, maxWaitingBytes: 1000 })
  for (let n = 0; n < 1000; n += 1) say(n)
  line.event(event(1), false)
  await recorder.close()
  const lines = linesIn(folder)
  t.deepEqual(
    new Set(lines.map(({ from }) => from)),
    new Set(['client', 'recorder']),
    'the limit of the file was reached before upstream spoke',
  )
})
