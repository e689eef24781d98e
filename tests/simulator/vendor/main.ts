/**
 * `npm run vendor -- FOLDER`: plays recorded sessions with the real services to the simulator and through the gateway,
 * and lists how what comes back differs from what the vendor sent. Exit code 1: a difference without a reason, or a
 * reason without a difference.
 */
import { startSimulator } from '../../../runtime/simulator/server.ts'
import { gatewayFor } from '../../gateway/start.ts'
import { connect } from '../conversation.ts'
import { callAt } from './call.ts'
import { differencesOf } from './differences.ts'
import { playRecording } from './play.ts'
import { type Reason, reasonFor, reasons } from './reasons.ts'
import { type Exchange, type Recording, readRecordings } from './recording.ts'

/** Headers that are a part of the API, and no trace of who runs it. */
const headers = ['content-type', 'location', 'access-control-allow-origin', 'access-control-expose-headers']

const help = `npm run vendor -- FOLDER

Plays recorded sessions with the real services to the simulator and through the gateway, and lists what differs
without a reason. FOLDER has the folders openai and azure, with recordings in YAML.`

const [folder] = process.argv.slice(2)
if (folder === '--help') {
  console.log(help)
  process.exit(0)
}
if (folder === undefined) {
  console.error(help)
  process.exit(2)
}
const recordings = readRecordings(folder)
const ends: (() => unknown)[] = []
const stage = { teardown: (end: () => unknown) => void ends.push(end) }
const simulator = await startSimulator({ rate: 50, seed: 7 })
stage.teardown(() => simulator.close())
const gateways = {
  openai: await gatewayFor(stage, {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    OPENAI_REALTIME_MODEL: 'gpt-realtime',
  }),
  azure: await gatewayFor(stage, {
    AZURE_OPENAI_ENDPOINT: simulator.url,
    AZURE_OPENAI_API_KEY: 'test',
    AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime',
    // Those of the recordings, and the one that is played for a deployment that is not there.
    TRANSCRIPTION_MODELS: 'gpt-realtime-whisper,gpt-4o-transcribe,missing',
  }),
}
let unexplained = 0
const used = new Set<Reason | null>()
for (const recording of recordings) {
  const bases = { simulator: simulator.url, gateway: gateways[recording.vendor].url } as const
  for (const server of ['simulator', 'gateway'] as const) {
    const base = bases[server]
    const differences = await (recording.lines.length > 0
      ? playSocket(recording, base)
      : playHttp(recording, base))
    const placed = { vendor: recording.vendor, server, recording: recording.name }
    const open = differences.filter(difference => reasonFor(placed, difference) === null)
    unexplained += open.length
    console.log(
      `${recording.name} at the ${server}: ${differences.length} differences, ${open.length} without a reason`,
    )
    for (const difference of open) console.log(`  ${difference}`)
    for (const difference of differences) used.add(reasonFor(placed, difference))
  }
}
for (const end of ends.reverse()) await end()
const idle = reasons.filter(reason => !used.has(reason))
for (const { reason } of idle) console.log(`a reason without a difference: ${reason}`)
process.exit(unexplained + idle.length === 0 ? 0 : 1)

async function playSocket(recording: Recording, base: string): Promise<string[]> {
  const prefix = recording.vendor === 'azure' ? '/openai/v1' : '/v1'
  const query = recording.isSideband
    ? `call_id=${await callAt(stage, `${base}${prefix}`)}`
    : 'model=gpt-realtime'
  const conversation = await connect(`${base}${prefix}/realtime?${query}`)
  const { events, complete } = await playRecording(recording, conversation)
  await conversation.close()
  const theirs = recording.lines.filter(({ from }) => from === 'server').map(({ event }) => event)
  return [
    ...(complete ? [] : ['played: the server did not come to the end']),
    ...differencesOf(theirs, events),
  ]
}

async function playHttp({ exchanges }: Recording, base: string): Promise<string[]> {
  const differences: string[] = []
  let key = 'sk-test'
  for (const exchange of exchanges) {
    const answer = await fetch(`${base}${exchange.path}`, {
      method: exchange.method,
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': exchange.contentType,
        ...(key === 'sk-test' && { 'api-key': 'test' }),
      },
      body: typeof exchange.body === 'string' ? exchange.body : JSON.stringify(exchange.body),
    })
    const text = await answer.text()
    const body = exchange.contentType === 'application/json' ? JSON.parse(text) : text
    differences.push(
      ...differencesOf(
        [eventOf(exchange)],
        [
          eventOf({
            ...exchange,
            status: answer.status,
            headers: Object.fromEntries(answer.headers),
            answer: body,
          }),
        ],
      ),
    )
    if (typeof body === 'object' && typeof body.value === 'string') key = body.value
  }
  return differences
}

/** An exchange as an event, so that one comparison serves both. An SDP is its lines' kinds; of an id its form alone. */
function eventOf({ method, path, status, headers: all, answer }: Exchange) {
  const type = `${method} ${path}`
  const told = Object.fromEntries(headers.map(name => [name, formOf(all[name])]))
  return { type, status, ...told, body: typeof answer === 'string' ? sdpLines(answer) : answer }
}

function formOf(value: string | undefined): string | null {
  return (
    value
      ?.replace(/[0-9a-f]{32}$/, '(32 hex)')
      .replace(/_[A-Za-z0-9]{21}$/, '_(21 characters)')
      .replace(/rtc_u\d_/, 'rtc_uN_') ?? null
  )
}

/** Lines that say what the server can do, whatever their order. */
function sdpLines(sdp: string): Record<string, number> {
  const lines = sdp
    .split('\r\n')
    .filter(line => /^(m=|a=(setup|mid|rtpmap|fmtp|sendrecv|rtcp-mux|sctp-port|ice-lite|group))/.test(line))
    .map(line => line.replace(/^(m=\w+) \d+/, '$1'))
  return Object.fromEntries(lines.map(line => [line, lines.filter(each => each === line).length]))
}
