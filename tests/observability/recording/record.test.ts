/**
 * What is recorded of a session, and how it is replayed.
 */
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { readRecording } from '../../../runtime/simulator/replay/recording.ts'
import { startSimulator } from '../../../runtime/simulator/server.ts'
import { ask, converse, type Talk } from '../../gateway/converse.ts'
import { gatewayFor, type TestGateway } from '../../gateway/start.ts'

const secret = 'MARKED'

interface Line {
  at_ms: number
  from: string
  event: { type: string; [field: string]: unknown }
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'recordings-'))

const open = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

/** The one recording in a folder, once its gateway has been closed. */
async function recordingOf(gateway: TestGateway, folder: string): Promise<{ text: string; lines: Line[] }> {
  await gateway.close()
  const [file = '', ...others] = readdirSync(folder)
  if (others.length > 0) throw new Error(`more than one recording: ${[file, ...others]}`)
  const text = readFileSync(join(folder, file), 'utf8')
  const lines = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Line)
  return { text, lines }
}

/** Two turns at the API, in text and in audio. @returns the types of all events */
async function twoTurns(talk: Talk): Promise<string[]> {
  const say = () => {
    const content = [{ type: 'input_text', text: `repeat after me: ${secret} one two three` }]
    talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
    talk.send({ type: 'response.create' })
  }
  const seen = await talk.until('session.created')
  const update = (session: object) =>
    talk.send({ type: 'session.update', session: { type: 'realtime', ...session } })
  update({ output_modalities: ['text'], instructions: `${secret} instructions` })
  seen.push(...(await talk.until('session.updated')))
  say()
  seen.push(...(await talk.until('rate_limits.updated')))
  update({ output_modalities: ['audio'] })
  seen.push(...(await talk.until('session.updated')))
  talk.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(4800).toString('base64') })
  say()
  seen.push(...(await talk.until('rate_limits.updated')))
  return seen.map(({ type }) => type)
}

async function recordTwoTurns(t: ExecutionContext, env: Record<string, string> = {}) {
  const folder = newFolder()
  const gateway = await gatewayFor(t, { RECORD_DIR: folder, ...env })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const types = await twoTurns(talk)
  return { folder, types, ...(await recordingOf(gateway, folder)) }
}

/** A gateway before a simulator that plays a recording. */
async function replaying(t: ExecutionContext, text: string, fast: boolean) {
  const simulator = await startSimulator({ replay: readRecording(text, fast) })
  t.teardown(() => simulator.close())
  return gatewayFor(t, { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: `${simulator.url}/v1`, ...open })
}

test('a session is recorded with its times, sides, types, ids and usage, and ends with a line that says so', async t => {
  const { lines, types } = await recordTwoTurns(t)
  t.deepEqual(
    lines.filter(({ from }) => from === 'upstream').map(({ event }) => event.type),
    types,
  )
  t.deepEqual(
    lines.filter(({ from }) => from === 'client').map(({ event }) => event.type),
    [
      'session.update',
      'conversation.item.create',
      'response.create',
      'session.update',
      'input_audio_buffer.append',
      'conversation.item.create',
      'response.create',
    ],
  )
  t.deepEqual(
    lines.map(({ at_ms }) => at_ms),
    lines.map(({ at_ms }) => at_ms).sort((a, b) => a - b),
  )
  const done = lines.find(({ event }) => event.type === 'response.done')?.event.response
  t.regex(JSON.stringify(done), /"id":"resp_.*"total_tokens":\d+/)
  t.like(lines.at(-1), { from: 'recorder', event: { type: 'recording.stopped', reason: 'session_over' } })
})

test('nothing of what was said, of the instructions or of the audio is recorded; with RECORD_WORDS what was said is', async t => {
  const silent = await recordTwoTurns(t)
  t.notRegex(silent.text, new RegExp(secret))
  const talking = await recordTwoTurns(t, { RECORD_WORDS: 'true' })
  t.regex(talking.text, new RegExp(`${secret} one`))
  t.notRegex(talking.text, new RegExp(`${secret} instructions`))
  const longest = Math.max(...[...silent.text.matchAll(/"[^"]*"/g)].map(([quoted]) => quoted.length))
  t.true(longest < 80, `a text of ${longest} characters was recorded`)
})

test('the file is named for its time and its connection, and is for its owner alone', async t => {
  const { folder } = await recordTwoTurns(t)
  const [file = ''] = readdirSync(folder)
  t.regex(file, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z_[0-9a-f-]{36}\.jsonl$/)
  t.is(statSync(join(folder, file)).mode & 0o777, 0o600)
})

test('a recording is replayed as fast as it goes: the same types in the same order, and as much audio', async t => {
  const { text, types, lines } = await recordTwoTurns(t)
  const gateway = await replaying(t, text, true)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  let bytes = 0
  talk.socket.on('message', data => {
    const { type, delta } = JSON.parse(String(data))
    if (type === 'response.output_audio.delta') bytes += Buffer.byteLength(delta, 'base64')
  })
  t.deepEqual(await twoTurns(talk), types)
  const recorded = lines
    .filter(({ event }) => event.type === 'response.output_audio.delta')
    .map(({ event }) => (event.delta as { bytes: number }).bytes)
  t.is(
    bytes,
    recorded.reduce((sum, bytes) => sum + bytes),
  )
})

test('a recording is replayed with its timing: no event comes earlier than it did', async t => {
  const { text, types, lines } = await recordTwoTurns(t, { SIMULATOR_RATE: '2' })
  const gateway = await replaying(t, text, false)
  // Read before the replay begins: an opened socket may be heard of late.
  const begin = performance.now()
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  t.deepEqual(await twoTurns(talk), types)
  const lastMs = lines.findLast(({ from }) => from === 'upstream')?.at_ms ?? 0
  t.true(lastMs > 500)
  // Each pause is kept at least.
  t.true(performance.now() - begin > lastMs * 0.9)
})

test('/chat is recorded and replayed: the same answer, when its words were kept', async t => {
  const folder = newFolder()
  const gateway = await gatewayFor(t, { RECORD_DIR: folder, RECORD_WORDS: 'true' })
  const first = await ask(await converse(t, `${gateway.socketUrl}/chat`), `hello ${secret}`)
  const { text } = await recordingOf(gateway, folder)
  const again = await replaying(t, text, true)
  const second = await ask(await converse(t, `${again.socketUrl}/chat`), 'whatever')
  t.is(second.transcript, first.transcript)
  t.is(second.bytes, first.bytes)
  t.deepEqual(
    second.messages.map(({ type }) => type),
    first.messages.map(({ type }) => type),
  )
})

test('/realtime is recorded and replayed: the same events', async t => {
  const folder = newFolder()
  const gateway = await gatewayFor(t, { RECORD_DIR: folder, ...open })
  const turn = async ({ socketUrl }: TestGateway) => {
    const talk = await converse(t, `${socketUrl}/realtime`)
    talk.send('hello')
    return (await talk.until('rate_limits.updated')).map(({ type }) => type)
  }
  const first = await turn(gateway)
  const { text } = await recordingOf(gateway, folder)
  t.deepEqual(await turn(await replaying(t, text, true)), first)
})

const places: [what: string, folder: () => string, reason: string][] = [
  ['that does not exist', () => join(newFolder(), 'missing'), 'ENOENT'],
  [
    'that is a file',
    () => {
      const file = join(newFolder(), 'file')
      writeFileSync(file, '')
      return file
    },
    'ENOTDIR',
  ],
]

for (const [what, place, reason] of places) {
  test(`a folder ${what}: one warning, no recording, and no session is harmed`, async t => {
    const folder = place()
    const gateway = await gatewayFor(t, { RECORD_DIR: folder })
    for (const words of ['one', 'two', 'three']) {
      const { transcript } = await ask(await converse(t, `${gateway.socketUrl}/chat`), words)
      t.is(transcript, `You said: ${words}`)
    }
    await gateway.logged('recording.failed')
    const warnings = gateway.lines.filter(({ event }) => event === 'recording.failed')
    t.deepEqual(
      warnings.map(({ level, fields }) => ({ level, fields })),
      [{ level: 'warn', fields: { folder, reason } }],
    )
  })
}

test('without RECORD_DIR nothing is written, and nothing said', async t => {
  const gateway = await gatewayFor(t)
  await ask(await converse(t, `${gateway.socketUrl}/chat`), 'hello')
  t.false(gateway.lines.some(({ event }) => event === 'recording.failed'))
})
