/** One handler contract for every path that takes sockets: `(client, context) => hooks`, with the same context. */
import test from 'ava'
import { Assistants } from '../../runtime/assistants/assistants.ts'
import { Controls } from '../../runtime/calls/control-route.ts'
import { Ownership } from '../../runtime/calls/ownership.ts'
import { readCallRecord } from '../../runtime/calls/record.ts'
import type { CallRecords } from '../../runtime/calls/records.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { permitModels } from '../../runtime/config/models.ts'
import { paths, sdkPaths, translationPaths } from '../../runtime/core/contract.ts'
import type { Client, Dial } from '../../runtime/core/ports.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { assembleSessions } from '../../runtime/gateway/sessions.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { type Redeemed, ResumeStore } from '../../runtime/resume/resume-store.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { createEndpoints } from '../../runtime/upstream/endpoints.ts'
import type { Target } from '../../runtime/upstream/target.ts'
import { someContext } from '../server/some-context.ts'
import { permitOf } from '../upstream/some-rules.ts'
import { silentAccounts } from '../usage/accounts.ts'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

function stage() {
  const config = readConfig({ OPENAI_API_KEY: 'sk-test' })
  const target = config.target as Target
  const store = createMemoryStore()
  const routes = assembleSessions(config, {
    target,
    endpoints: createEndpoints(config, target, quiet),
    ephemeralKeys: { find: async () => null } as never,
    permit: permitModels(config.models, 'openai', new Date(2026, 0, 1)),
    joinCall: async () => ({ dial: () => () => undefined, isPinned: false }),
    assistants: new Assistants({ ...config.assistants, models: config.models.choice, log: quiet }),
    log: quiet,
    metrics: createMetrics({ revision: 'r', replica: 'n' }),
    readType: createTypeReader(),
    record: undefined,
    resumes: new ResumeStore({ store, log: quiet, maxHeldBytes: 10_000 }),
  })
  return { routes, close: () => store.close() }
}

function clientOf(told: string[]): Client {
  return {
    id: 'c1',
    send: message => told.push(Buffer.from(message).toString()) > 0,
    buffered: () => 0,
    probe: () => undefined,
    close: () => undefined,
  }
}

const { request, principal, limits } = someContext()

const fields = ['dial', 'limits', 'log', 'principal', 'request', 'resumed']

const doors: readonly [path: string, query: string][] = [
  [paths.chat, ''],
  [paths.realtime, ''],
  ...sdkPaths.map((path): [string, string] => [path, '']),
  ...sdkPaths.map((path): [string, string] => [path, 'intent=transcription']),
  ...sdkPaths.map((path): [string, string] => [path, 'call_id=rtc_1']),
  ...translationPaths.map((path): [string, string] => [path, '']),
]

for (const [path, query] of doors) {
  test(`${path}?${query}: the handler is given the one context, and uses its dial and its log alone`, async t => {
    const { routes, close } = stage()
    t.teardown(close)
    const asked = { ...request, path, query: new URLSearchParams(query), principal, account: limits.account }
    const accepted = await routes.get(path)?.accept(asked)
    if (accepted === undefined) return t.fail('there is no such path')
    const { handler, context } = accepted
    t.deepEqual(Object.keys(context).sort(), fields)
    t.like(context, { request: asked, principal, resumed: null, limits: { account: limits.account } })
    const seen: string[] = []
    const dial: Dial = listener => {
      seen.push('dial')
      t.is(typeof listener.opened, 'function')
      return () => seen.push('dial aborted')
    }
    const write = (event: string) => void seen.push(event)
    const log = { info: write, warn: write, error: write }
    const connection = handler(clientOf([]), { ...context, dial, log })
    if (path === paths.chat) connection.message(Buffer.from('{"text":"hello"}'), false)
    t.deepEqual(seen, ['dial'])
    connection.closed(1000, '')
    t.deepEqual(seen, ['dial', 'dial aborted', 'connection.closed'])
  })
}

for (const path of [paths.chat, paths.realtime]) {
  test(`${path}: what the ticket was worth is known when the handler is called, and told before anything else`, async t => {
    const { routes, close } = stage()
    t.teardown(close)
    const query = new URLSearchParams('resume=')
    const asked = { ...request, path, query, principal, account: limits.account }
    const accepted = await routes.get(path)?.accept(asked)
    if (accepted === undefined) return t.fail('there is no such path')
    const { handler, context } = accepted
    const worth: readonly [Redeemed, object][] = [
      [{ conversation: new Conversation() }, { type: 'session.resumed', items: 0 }],
      [{ failure: 'expired' }, { type: 'session.resume_failed', reason: 'expired' }],
    ]
    for (const [resumed, expected] of worth) {
      const told: string[] = []
      const dial = () => () => undefined
      const connection = handler(clientOf(told), { ...context, dial, resumed })
      t.like(JSON.parse(told[0] ?? '{}'), expected)
      connection.closed(1000, '')
    }
  })
}

test('a control connection is given the same context, and its call is dialed once for all who watch it', async t => {
  const dialed: string[] = []
  const dialCall = (callId: string) => () => {
    dialed.push(callId)
    return () => undefined
  }
  const record = readCallRecord('sideband_0123456789abcdef', { call_id: 'rtc_1', provider: 'openai' })
  const controls = new Controls({
    ...{ ownership: new Ownership(new Set()), passed: () => ({}), permit: permitOf('gpt-realtime') },
    ...{ limits: limits.bounds, log: quiet, metrics: createMetrics({ revision: 'r', replica: 'n' }) },
    ...{
      pinSession: false,
      hearsAll: false,
      takesCalls: false,
      hearsAssistants: false,
      toolsOf: () => null,
      holder: 'h',
      spend: async () => null,
      accounts: silentAccounts(),
    },
    ...{ readType: createTypeReader(), hangUp: async () => true, refusal: () => null },
    records: { find: async () => record, note: async () => true } as unknown as CallRecords,
    drain: { add: () => undefined, remove: () => undefined },
    dialCall,
  })
  const asked = { ...request, path: '/sideband/control/sideband_0123456789abcdef', principal }
  const { handler, context } = await controls.route.accept({ ...asked, account: limits.account })
  t.deepEqual(Object.keys(context).sort(), fields)
  t.like(context, { request: asked, principal, resumed: null, limits: { account: limits.account } })
  const watching = [handler(clientOf([]), context), handler(clientOf([]), context)]
  t.deepEqual(dialed, ['rtc_1'])
  for (const connection of watching) connection.closed(1000, '')
})
