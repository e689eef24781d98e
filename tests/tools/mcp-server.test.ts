/** Tools of MCP servers behind the gateway: offered, called, bounded; away and back again. */
import test, { type ExecutionContext } from 'ava'
import { combineRunners } from '../../runtime/tools/combined-runners.ts'
import { type McpServerOptions, startMcpServer } from '../../runtime/tools/mcp-server.ts'
import { until } from '../gateway/within.ts'
import { callOf, hostFor, keepLog } from './host.ts'
import { type Era, stockServer } from './mcp.ts'

async function connect(t: ExecutionContext, url: string, options: Partial<McpServerOptions> = {}) {
  const { lines, log, logged } = keepLog()
  const server = await startMcpServer({ assistant: 'cafe', name: 'stock', url, tools: null, log, ...options })
  // A server that is away does not keep its process from ending.
  const holding = setInterval(() => undefined, 60_000)
  t.teardown(() => {
    clearInterval(holding)
    return server.close()
  })
  return { server, lines, logged }
}

for (const era of ['modern', 'legacy'] as const satisfies Era[]) {
  test.serial(`${era}: tools are offered by the server's name, with their annotations`, async t => {
    const stock = await stockServer(t, era)
    const { server, lines } = await connect(t, stock.url)
    t.deepEqual(
      server.tools.map(({ name, idempotent, timeoutMs }) => [name, idempotent, timeoutMs]),
      [
        ['stock__check_stock', true, 10_000],
        ['stock__reserve', false, 10_000],
        ['stock__restock', true, 10_000],
        ...['slow', 'fails', 'throws', 'vanishes', 'huge', 'endless'].map(name => [
          `stock__${name}`,
          false,
          10_000,
        ]),
      ],
    )
    t.like(server.tools[0], {
      description: 'How many there are',
      parameters: { type: 'object', required: ['sku'] },
    })
    t.like(
      lines.find(({ event }) => event === 'mcp.warning'),
      { tool: 'dotted.name', server: 'stock', assistant: 'cafe' },
    )
  })

  test.serial(`${era}: a call is answered with JSON, whatever the server wrote`, async t => {
    const stock = await stockServer(t, era)
    const { server } = await connect(t, stock.url, { headers: { authorization: 'Bearer of-stock' } })
    const outputOf = async (name: string, args: object) => {
      const result = await server.run(callOf(`stock__${name}`, args))
      return result.kind === 'done' ? result.output : result
    }
    t.is(await outputOf('check_stock', { sku: 'tea' }), '{"sku":"tea","left":7}')
    t.is(stock.last.headers?.get('authorization'), 'Bearer of-stock')
    t.like(stock.last.meta, { 'realtime-gateway/idempotency-key': 'call_1' })
    t.is(await outputOf('reserve', { sku: 'tea' }), '{"kept":"tea"}')
    t.is(await outputOf('restock', {}), '"plain words"')
  })

  test.serial(`${era}: what goes wrong with a call is told to the model`, async t => {
    const stock = await stockServer(t, era)
    const { server, lines } = await connect(t, stock.url, { timeoutMs: 200 })
    const failureOf = async (name: string, args: object | string = {}) => {
      const result = await server.run(callOf(`stock__${name}`, args))
      return result.kind === 'failed' ? `${result.code}: ${result.message}` : result.kind
    }
    t.is(await failureOf('fails'), 'tool_failed: The shelf is locked')
    t.is(await failureOf('throws'), 'tool_failed: no shelf')
    t.is(await failureOf('huge'), 'invalid_output: The tool returned 70002 bytes, more than 65536')
    t.is(
      await failureOf('check_stock', {}),
      "invalid_arguments: The arguments do not fit the tool's parameters",
    )
    t.is(
      await failureOf('check_stock', { sku: 'tea', shop: { floor: 'first' } }),
      'invalid_arguments: The arguments do not fit the tool\'s parameters at "shop.floor"',
    )
    t.is(await failureOf('check_stock', '{"sku"'), 'invalid_arguments: The arguments are not valid JSON')
    t.is(await failureOf('sell'), 'unknown_tool: There is no tool "stock__sell"')
    t.deepEqual(stock.ran, [])
    t.is(await failureOf('slow'), 'timeout: The tool did not finish in 200 ms; it may have had effects')
    t.is(await failureOf('restock'), 'done')
    t.false(lines.some(({ event }) => event === 'mcp.lost'))
  })

  test.serial(`${era}: a call that nobody waits for is given up, and the server is told`, async t => {
    const stock = await stockServer(t, era)
    const { server } = await connect(t, stock.url)
    const ending = new AbortController()
    const call = server.run(callOf('stock__slow', {}, { signal: ending.signal }))
    setTimeout(() => ending.abort(), 100)
    t.like(await call, { kind: 'failed', code: 'cancelled' })
    await until(() => stock.ran.length > 0, 'the tool does not run')
    t.deepEqual(stock.ran, ['slow aborted'])
  })

  test.serial(`${era}: an answer without end is not read, and its call may have had effects`, async t => {
    const stock = await stockServer(t, era)
    const { server, lines } = await connect(t, stock.url, { timeoutMs: 1000 })
    const result = await server.run(callOf('stock__endless'))
    // Answers of before come on a stream, which may go on after it broke off.
    t.like(result, era === 'legacy' ? { kind: 'failed', code: 'timeout' } : { kind: 'interrupted' })
    t.like(await server.run(callOf('stock__restock')), { kind: 'done' })
    t.false(lines.some(({ event }) => event === 'mcp.lost'))
  })

  test.serial(
    `${era}: a server that vanishes interrupts its call; its tools fail until it is back`,
    async t => {
      const stock = await stockServer(t, era)
      const { server, logged } = await connect(t, stock.url)
      t.deepEqual(await server.run(callOf('stock__vanishes')), { kind: 'interrupted' })
      t.like(await logged('mcp.lost'), { server: 'stock', assistant: 'cafe' })
      const away = await server.run(callOf('stock__check_stock', { sku: 'tea' }))
      t.deepEqual(away, {
        kind: 'failed',
        code: 'tool_unavailable',
        message: 'The server "stock" cannot be reached; the tool did not run',
      })
      t.is(server.tools.length, 9)
      await stock.comeBack()
      await logged('mcp.connected', 2)
      t.like(await server.run(callOf('stock__check_stock', { sku: 'tea' })), { kind: 'done' })
    },
  )

  test.serial(
    `${era}: a server that was replaced between two calls ran nothing, and is dialled again`,
    async t => {
      const stock = await stockServer(t, era)
      const { server, logged } = await connect(t, stock.url)
      stock.forget()
      const result = await server.run(callOf('stock__check_stock', { sku: 'tea' }))
      // Without sessions nothing was lost; with them the call did not run.
      if (era === 'modern') t.like(result, { kind: 'done' })
      else {
        t.like(result, { kind: 'failed', code: 'tool_unavailable' })
        t.deepEqual(stock.ran, [])
        await logged('mcp.connected', 2)
        t.like(await server.run(callOf('stock__check_stock', { sku: 'tea' })), { kind: 'done' })
      }
    },
  )

  test.serial(`${era}: a tool that the server adds is offered as soon as it says so`, async t => {
    const stock = await stockServer(t, era)
    const { server } = await connect(t, stock.url, { tools: ['restock', 'recount'] })
    t.deepEqual(
      server.tools.map(({ name }) => name),
      ['stock__restock'],
    )
    // The stream on which the server says so may not be open yet.
    await until(async () => {
      stock.addTool('recount')
      await new Promise(resolve => setTimeout(resolve, 500))
      return server.tools.length >= 2
    }, 'the new tool is not found')
    t.like(server.tools[1], { name: 'stock__recount' })
  })
}

test.serial(
  'a server that is away at the start keeps nobody waiting, and its tools come when it does',
  async t => {
    const stock = await stockServer(t, 'modern')
    await stock.vanish()
    const { server, lines, logged } = await connect(t, stock.url, { tools: ['check_stock', 'sells'] })
    t.deepEqual(server.tools, [])
    t.like(lines[0], { event: 'mcp.lost', code: 'ECONNREFUSED' })
    await stock.comeBack()
    await logged('mcp.connected')
    t.deepEqual(
      server.tools.map(({ name }) => name),
      ['stock__check_stock'],
    )
    t.like(await logged('mcp.warning'), { missing: ['sells'] })
  },
)

test.serial('a host and servers are one runner; closing it closes them', async t => {
  const stock = await stockServer(t, 'modern')
  const { server } = await connect(t, stock.url, { tools: ['check_stock'] })
  const { host } = await hostFor(t, ['add'])
  const both = combineRunners([host, server])
  t.deepEqual(
    both.tools.map(({ name }) => name),
    ['add', 'stock__check_stock'],
  )
  t.like(await both.run(callOf('add')), { kind: 'done', output: '{"count":1}' })
  t.like(await both.run(callOf('stock__check_stock', { sku: 'tea' })), { kind: 'done' })
  t.like(await both.run(callOf('check_stock')), { kind: 'failed', code: 'unknown_tool' })
  await both.close()
  t.like(await both.run(callOf('add')), { kind: 'failed', code: 'tool_unavailable' })
  t.like(await both.run(callOf('stock__check_stock', { sku: 'tea' })), { code: 'tool_unavailable' })
})
