/** Faults of an MCP server: what concerns one call, and what concerns the connection that all calls share. */
import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { type Clock, systemClock } from '../../runtime/core/clock.ts'
import { startMcpServer } from '../../runtime/tools/mcp-server.ts'
import { serveHttp } from '../gateway/http-server.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { callOf, keepLog } from './host.ts'

interface Request {
  readonly id?: number
  readonly method: string
  readonly params?: { readonly name?: string }
}

type Answer = (request: Request, response: ServerResponse) => void

function answerResult({ id }: Request, response: ServerResponse, result: object): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}

const answerStatus =
  (status: number): Answer =>
  (_, response) =>
    void response.writeHead(status).end('oops')

const answerLong: Answer = (request, response) =>
  answerResult(request, response, { content: [{ type: 'text', text: 'x'.repeat(1_100_000) }] })

const answerNonsense: Answer = (request, response) =>
  answerResult(request, response, { content: [{ type: 'nonsense' }] })

const answerNoJson: Answer = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end('{"jsonrpc"')
}

const cut: Answer = (_, response) => void response.destroy()

interface Given {
  /** How a call of `broken` is answered. */
  readonly broken?: Answer
  /** How a list of tools is answered, after the first. */
  readonly list?: Answer
  readonly hasSessions?: boolean
  /** Parameters of `broken`. */
  readonly inputSchema?: object
}

/** A gateway at a server of before 2026-07-28 with the tools `pay`, which is answered when told to, and `broken`. */
async function stage(
  t: ExecutionContext,
  { broken, list, hasSessions = false, inputSchema = { type: 'object' } }: Given,
) {
  const paying = Promise.withResolvers<void>()
  const paid = Promise.withResolvers<void>()
  let lists = 0
  const answer = async (request: Request, response: ServerResponse) => {
    if (request.id === undefined) return void response.writeHead(202).end()
    if (request.method === 'initialize') {
      if (hasSessions) response.setHeader('mcp-session-id', 's1')
      return answerResult(request, response, {
        protocolVersion: '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 's', version: '1' },
      })
    }
    if (request.method === 'tools/list') {
      lists += 1
      if (list !== undefined && lists > 1) return list(request, response)
      const tools = [
        { name: 'pay', inputSchema: { type: 'object' } },
        { name: 'broken', inputSchema },
      ]
      return answerResult(request, response, { tools })
    }
    if (request.params?.name === 'broken' && broken !== undefined) return broken(request, response)
    if (request.method !== 'tools/call') return void response.writeHead(400).end()
    paying.resolve()
    await paid.promise
    answerResult(request, response, { content: [{ type: 'text', text: '"paid"' }] })
  }
  const url = await serveHttp(t, async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    await answer(JSON.parse(await text(request)), response)
  })
  /** What runs once a minute. */
  const minutely: (() => void)[] = []
  const clock: Clock = {
    ...systemClock,
    after: (ms, run) => {
      if (ms !== 60_000) return systemClock.after(ms, run)
      minutely.push(run)
      return () => void minutely.splice(0)
    },
  }
  const { log, lines, logged } = keepLog()
  const server = await startMcpServer({ assistant: 'a', name: 's', url, tools: null, log, clock })
  const holding = setInterval(() => undefined, 60_000)
  t.teardown(() => {
    clearInterval(holding)
    return server.close()
  })
  return {
    ...{ server, logged },
    call: (name: string, args = {}) =>
      within(server.run(callOf(`s__${name}`, args)), patienceMs, `the call of ${name} does not end`),
    paying: () => within(paying.promise, patienceMs, 'nothing is paid'),
    pay: () => paid.resolve(),
    isLost: () => lines.some(({ event }) => event === 'mcp.lost'),
    minutely,
  }
}

const paid = { kind: 'done', output: '"paid"', update: null } as const

const ownFaults: readonly (readonly [what: string, broken: Answer, result: object])[] = [
  ['HTTP 500', answerStatus(500), { kind: 'interrupted' }],
  ['HTTP 429', answerStatus(429), { kind: 'interrupted' }],
  ['HTTP 400 without a session', answerStatus(400), { kind: 'interrupted' }],
  ['more than 1 MiB', answerLong, { kind: 'interrupted' }],
  ['no JSON', answerNoJson, { kind: 'interrupted' }],
  ['what is no result', answerNonsense, { kind: 'failed', code: 'invalid_output' }],
]
for (const [what, broken, result] of ownFaults)
  test(`a call that is answered with ${what} fails alone`, async t => {
    const { call, paying, pay, isLost } = await stage(t, { broken })
    const running = call('pay')
    await paying()
    t.like(await call('broken'), result)
    const next = call('pay')
    pay()
    t.deepEqual(await running, paid)
    t.deepEqual(await next, paid)
    t.false(isLost())
  })

const answered: Answer = (request, response) =>
  answerResult(request, response, { content: [{ type: 'text', text: '1' }] })

for (const [what, inputSchema, args] of [
  [
    'is none of JavaScript’s',
    { type: 'object', properties: { sku: { type: 'string', pattern: '(?i)^tea\\Z' } } },
    { sku: 'Tea' },
  ],
  [
    'takes minutes',
    { type: 'object', properties: { sku: { type: 'string', pattern: '^(a+)+$' } } },
    { sku: `${'a'.repeat(40)}!` },
  ],
  [
    'names properties',
    { type: 'object', patternProperties: { '^(x+)+$': { type: 'string' } }, additionalProperties: false },
    { [`${'x'.repeat(40)}!`]: 'tea' },
  ],
] as const)
  test(`a pattern of a server's that ${what} is for the server to check`, async t => {
    const { call } = await stage(t, { broken: answered, inputSchema })
    t.like(await call('broken', args), { kind: 'done', output: '1' })
  })

test('all else that the parameters ask for is checked before the server is asked', async t => {
  const properties = { pattern: { type: 'number' }, kind: { const: { pattern: 'tea' } } }
  const { call } = await stage(t, { broken: answered, inputSchema: { type: 'object', properties } })
  t.like(await call('broken', { pattern: 'tea' }), { kind: 'failed', code: 'invalid_arguments' })
  t.like(await call('broken', { kind: {} }), { kind: 'failed', code: 'invalid_arguments' })
  t.like(await call('broken', { pattern: 1, kind: { pattern: 'tea' } }), { kind: 'done' })
})

const unavailable = { kind: 'failed', code: 'tool_unavailable' }
const sharedFaults: readonly (readonly [what: string, given: Given, result: object])[] = [
  ['HTTP 404', { broken: answerStatus(404) }, unavailable],
  ['HTTP 401', { broken: answerStatus(401) }, unavailable],
  ['HTTP 403', { broken: answerStatus(403) }, unavailable],
  ['HTTP 400 to its session', { broken: answerStatus(400), hasSessions: true }, { kind: 'interrupted' }],
  ['a broken connection', { broken: cut }, { kind: 'interrupted' }],
]
for (const [what, given, result] of sharedFaults)
  test(`after ${what} the server is dialled again, and calls that run end on the old connection`, async t => {
    const { call, paying, pay, logged } = await stage(t, given)
    const running = call('pay')
    await paying()
    t.like(await call('broken'), result)
    await logged('mcp.lost')
    await logged('mcp.connected', 2)
    pay()
    t.deepEqual(await running, paid)
    t.deepEqual(await call('pay'), paid)
  })

test('closing interrupts calls on a connection that was replaced, too', async t => {
  const { server, call, paying, logged } = await stage(t, { broken: answerStatus(404) })
  const running = call('pay')
  await paying()
  await call('broken')
  await logged('mcp.connected', 2)
  await server.close()
  t.deepEqual(await running, { kind: 'interrupted' })
})

const lists: readonly (readonly [what: string, list: Answer])[] = [
  ['HTTP 500', answerStatus(500)],
  ['what is no list', answerNonsense],
  ['nothing, for longer than the gateway waits', () => undefined],
]
for (const [what, list] of lists)
  test(`a later list that is answered with ${what} leaves the tools as they were`, async t => {
    const { server, call, paying, pay, logged, isLost, minutely } = await stage(t, { list })
    const running = call('pay')
    await paying()
    minutely.shift()?.()
    await logged('mcp.warning')
    t.is(server.tools.length, 2)
    pay()
    t.deepEqual(await running, paid)
    t.deepEqual(await call('pay'), paid)
    t.false(isLost())
    t.is(minutely.length, 1, 'it is listed again')
  })

test('a later list that is answered with HTTP 404 has the server dialled again', async t => {
  const { call, pay, logged, minutely } = await stage(t, { list: answerStatus(404) })
  minutely.shift()?.()
  t.like(await logged('mcp.lost'), { status: 404 })
  pay()
  t.like(await call('pay'), { kind: 'failed', code: 'tool_unavailable' })
})
