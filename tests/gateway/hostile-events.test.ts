/**
 * Events of a known type and of any shape: no handler throws, and what a client is told stays JSON.
 */
import test from 'ava'
import fc from 'fast-check'
import type { CallControlParts } from '../../runtime/calls/control.ts'
import { CallControl } from '../../runtime/calls/control.ts'
import { readCallRecord } from '../../runtime/calls/record.ts'
import { createChat } from '../../runtime/chat/chat.ts'
import { errorTable } from '../../runtime/core/errors.ts'
import type {
  Client,
  Connection,
  Dial,
  Dialect,
  Upstream,
  UpstreamListener,
} from '../../runtime/core/ports.ts'
import { sessionUpdate } from '../../runtime/dialect/dialect.ts'
import { createTranslator } from '../../runtime/dialect/translate.ts'
import { createExtractor, parseFieldsMap } from '../../runtime/events/extract.ts'
import { createFilter } from '../../runtime/events/filter.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { createRealtime } from '../../runtime/realtime/realtime.ts'
import { ResumeStore } from '../../runtime/resume/resume-store.ts'
import { PinnedSession } from '../../runtime/session/pinned-session.ts'
import { openPolicy } from '../../runtime/session/session-policy.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { someContext } from '../server/some-context.ts'
import { limits } from '../session/session-stage.ts'
import { someRules } from '../upstream/some-rules.ts'
import { silentAccounts } from '../usage/accounts.ts'

/** The fields that are read of each type; a dot goes one level down. */
const fieldsRead: Readonly<Record<string, readonly string[]>> = {
  'session.created': ['session', 'session.instructions', 'session.tools', 'session.type'],
  'session.updated': ['session', 'session.instructions', 'session.tools', 'session.type', 'event_id'],
  'transcription_session.updated': ['session'],
  'response.created': ['response', 'response.id', 'response.output', 'response.tool_choice'],
  'response.output_text.delta': ['delta'],
  'response.text.delta': ['delta'],
  'response.output_audio_transcript.delta': ['delta'],
  'response.output_audio.delta': ['delta', 'item_id'],
  'response.audio.delta': ['delta', 'item_id'],
  'response.output_text.done': ['text', 'response_id', 'item_id'],
  'response.done': [
    ...['response', 'response.status', 'response.status_details', 'response.status_details.error'],
    ...['response.status_details.error.code', 'response.usage', 'response.usage.input_tokens'],
    ...['response.output', 'response.tool_choice', 'response.audio'],
  ],
  'response.output_item.added': ['item', 'item.content'],
  'response.output_item.done': ['item', 'item.content', 'item.status', 'event_id', 'previous_item_id'],
  'conversation.item.added': [
    ...['item', 'item.id', 'item.type', 'item.role', 'item.status', 'item.content'],
    ...['item.call_id', 'item.name', 'item.arguments', 'item.output', 'previous_item_id', 'event_id'],
  ],
  'conversation.item.created': ['item', 'item.id', 'item.role', 'item.content', 'event_id'],
  'conversation.item.done': ['item', 'item.role', 'item.content'],
  'conversation.item.deleted': ['item_id'],
  'conversation.item.input_audio_transcription.completed': ['transcript', 'item_id'],
  'conversation.item.input_audio_transcription.failed': ['error', 'item_id'],
  'input_audio_buffer.committed': ['item_id'],
  error: ['error', 'error.code', 'error.message', 'error.param', 'error.event_id', 'event_id'],
}

const deep = 12_000
/** Values as they are written; null: the field is missing. */
const shapes: readonly (string | null)[] = [
  ...[null, 'null', 'true', '7', '-1e999', '""', '"text"', '[]', '[null]', '[7,{}]', '[[]]', '{}'],
  ...['{"toString":7,"valueOf":null}', '{"__proto__":null}', '[{"type":"message","text":{},"content":7}]'],
  `${'['.repeat(deep)}${']'.repeat(deep)}`,
  `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`,
]

/** What surrounds a field that is tried out, so that it is reached. */
const surroundings: Readonly<Record<string, Record<string, unknown>>> = {
  item: { id: 'item_1', type: 'message', role: 'assistant', status: 'completed' },
  response: { id: 'resp_1', status: 'failed' },
}

/** Writes an event with one field as given. */
function eventWith(type: string, path: string, shape: string | null, item: object = {}): Buffer {
  const event: Record<string, unknown> = { type }
  const names = path.split('.')
  let at = event
  for (const name of names.slice(0, -1)) {
    const inner = { ...surroundings[name], ...(name === 'item' && item) }
    at[name] = inner
    at = inner
  }
  const last = names.at(-1) ?? ''
  delete at[last]
  if (shape !== null) at[last] = '$SHAPE'
  return Buffer.from(JSON.stringify(event).replace('"$SHAPE"', () => shape ?? ''))
}

const frames = Object.entries(fieldsRead).flatMap(([type, paths]) =>
  paths.flatMap(path =>
    shapes.flatMap(shape =>
      path.startsWith('item.')
        ? [{}, { type: 'function_call' }, { type: 'function_call_output' }].map(item =>
            eventWith(type, path, shape, item),
          )
        : [eventWith(type, path, shape)],
    ),
  ),
)

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
const metrics = createMetrics({ revision: 'r', replica: 'n' })
const readType = createTypeReader()
const settings = { voice: 'alloy', textOnly: false }
const audioInput = { turnDetection: null, transcription: 'whisper-1' }
const roomy = { ...limits, upstreamBufferBytes: 1e9, clientBufferBytes: 1e9, maxMessageBytes: 1e9 }

interface Scene {
  event(frame: Buffer): void
  /** Ends it. @returns what the client was told, and how it was closed, if it was */
  end(): { told: string[]; closed: string | null }
}

type MakeScene = () => Scene

/** A handler over a client and an upstream that only write down what they are told. */
function sceneOf(
  open: (client: Client, dial: (listener: UpstreamListener) => () => void) => Connection,
): Scene {
  const told: string[] = []
  let closed: string | null = null
  let listener: UpstreamListener | undefined
  const upstream: Upstream = {
    send: data => void JSON.parse(Buffer.from(data).toString()),
    buffered: () => 0,
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
    giveUp: () => undefined,
  }
  const client: Client = {
    id: 'c',
    send: message => {
      told.push(Buffer.from(message).toString())
      return true
    },
    buffered: () => 0,
    probe: () => undefined,
    close: (_code, reason) => {
      closed = reason
    },
  }
  const connection = open(client, given => {
    listener = given
    return () => undefined
  })
  connection.message(Buffer.from('{"text":"hello","type":"message"}'), false)
  listener?.opened(upstream)
  const greet = (type: string) =>
    listener?.event(Buffer.from(`{"type":"${type}","session":{},"response":{}}`), false)
  for (const type of ['session.updated', 'response.created']) greet(type)
  return {
    event: frame => listener?.event(frame, false),
    end: () => {
      connection.closed(1000, '')
      return { told, closed }
    },
  }
}

const contextOf = (dial: Dial) =>
  someContext({ dial, limits: { bounds: roomy, account: 'address:127.0.0.1' } })

const chat =
  (dialect: Dialect): MakeScene =>
  () =>
    sceneOf((client, dial) => {
      const common = {
        dialect,
        metrics,
        readType,
        resumes: new ResumeStore({ store: createMemoryStore(), maxHeldBytes: 1024, log: quiet }),
      }
      return createChat({ ...common, settings, audioInput, label: 'upstream' })(client, contextOf(dial))
    })

const realtime =
  (upstream: Dialect, client: Dialect | 'upstream', extracts: boolean): MakeScene =>
  () =>
    sceneOf((socket, dial) => {
      const common = { dialect: upstream, metrics, readType }
      const extractor = createExtractor({
        types: ['*'],
        fieldsMap: parseFieldsMap('*:delta,text,item.content,response.output'),
        textField: 'text',
        strategy: 'fenced_or_bare',
        outputMode: 'wrap',
        onFail: 'error',
      })
      const handler = createRealtime({
        ...common,
        ...{
          resumes: new ResumeStore({ store: createMemoryStore(), maxHeldBytes: 1024, log: quiet }),
          autoClose: false,
          mode: 'managed',
        },
        filter: createFilter(['*']),
        extractor: extracts ? extractor : null,
        translator: createTranslator(upstream, client),
        sessionUpdate: sessionUpdate(settings, upstream),
        rules: someRules,
      })
      return handler(socket, contextOf(dial))
    })

const call: MakeScene = () =>
  sceneOf((client, dial) => {
    const record = readCallRecord('sideband_0123456789abcdef', { call_id: 'rtc_1', provider: 'simulator' })
    const records = {
      note: async () => true,
      holdLease: async () => true,
      releaseLease: async () => undefined,
    }
    const parts = {
      ...{
        record,
        records: records as unknown as CallControlParts['records'],
        holder: 'h',
        log: quiet,
        metrics,
      },
      ...{
        accounts: silentAccounts(),
        spend: async () => null,
        dial: () => dial,
        limits: roomy,
        readType,
        stays: false,
        tools: null,
      },
      ...{
        pinnedSession: new PinnedSession({ instructions: 'as set', tools: [{ name: 'f', parameters: {} }] }),
      },
      ...{ policy: openPolicy, pinned: () => undefined, hangUp: () => undefined, onOver: () => undefined },
    }
    const control = new CallControl(parts)
    control.join(client)
    const nothing = () => undefined
    const closed = () => control.leave(client)
    return { message: nothing, writable: nothing, announce: nothing, drain: nothing, fault: nothing, closed }
  })

const handlers: readonly [what: string, makeScene: MakeScene][] = [
  ['/chat before GA', chat('ga')],
  ['/chat before the preview', chat('preview')],
  ['/realtime as upstream', realtime('ga', 'upstream', false)],
  ['/realtime, extracting', realtime('ga', 'upstream', true)],
  ['/realtime from GA to preview', realtime('ga', 'preview', false)],
  ['/realtime from preview to GA', realtime('preview', 'ga', false)],
  ['a call', call],
]

/** @returns what is wrong with how a handler took the frames; null for nothing */
function faultOf(makeScene: MakeScene, given: readonly Buffer[]): string | null {
  const scene = makeScene()
  try {
    for (const frame of given) scene.event(frame)
    const { told, closed } = scene.end()
    if (closed !== null && !(closed in errorTable)) return `closed with "${closed}"`
    for (const message of told) JSON.parse(message)
    return null
  } catch (fault) {
    return String(fault)
  }
}

for (const [what, makeScene] of handlers) {
  test(`no event of a known type makes a handler throw: ${what}`, t => {
    const faults = frames.flatMap(frame => {
      const fault = faultOf(makeScene, [frame])
      return fault === null ? [] : [`${frame.subarray(0, 160)}: ${fault}`]
    })
    t.deepEqual(faults, [])
  })

  test(`no sequence of events makes a handler throw: ${what}`, t => {
    const types = fc.constantFrom(...Object.keys(fieldsRead))
    const events = fc
      .tuple(
        types,
        fc.dictionary(
          fc.constantFrom('item', 'response', 'delta', 'error', 'session', 'text'),
          fc.jsonValue(),
        ),
      )
      .map(([type, fields]) => Buffer.from(JSON.stringify({ ...fields, type })))
    const property = fc.property(
      fc.array(events, { maxLength: 8 }),
      given => faultOf(makeScene, given) === null,
    )
    t.notThrows(() => fc.assert(property, { numRuns: 100 }))
  })
}
