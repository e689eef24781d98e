/** Days on which OpenAI itself says that it retires models: read from `GET /v1/models` at the start, never waited for. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../runtime/core/clock.ts'
import { askForRetirements } from '../../runtime/upstream/announced-retirements.ts'
import { keyCredential } from '../../runtime/upstream/credentials/credentials.ts'
import { openaiTarget } from '../../runtime/upstream/target.ts'
import { gatewayFor, mailbox } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An upstream of which only the list of models is asked. */
async function listUpstream(t: ExecutionContext, answer: Answer) {
  const asked = mailbox<IncomingMessage>('nobody asks for the models')
  const left = mailbox<true>('nobody gives the request up')
  const server = createServer((request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) left.put(true)
    })
    answer(request, response)
    asked.put(request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const baseUrl = `http://127.0.0.1:${port}/v1`
  return {
    baseUrl,
    env: { OPENAI_API_KEY: 'a-test-key', OPENAI_BASE_URL: baseUrl },
    asked: asked.take,
    left: left.take,
  }
}

const listed =
  (data: readonly object[]): Answer =>
  (_request, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ object: 'list', data }))
  }

const model = (id: string, shutdownDate?: unknown) => ({
  ...{ id, object: 'model', created: 1_750_000_000, owned_by: 'system' },
  ...(shutdownDate !== undefined && { shutdown_date: shutdownDate }),
})

const firstOf = 'gpt-realtime-2.1'
const advice = `choose another for OPENAI_REALTIME_MODEL, such as ${firstOf}`
const noted = (name: string, day: string, days: number) =>
  `At OpenAI, ${name} is retired on ${day}, in ${days} days: ${advice}`

/** What a gateway on 2026-11-28 warns of, in its log and in the body of `/readyz`, when it has read the list. */
async function warningsWith(t: ExecutionContext, models: string, data: readonly object[]) {
  const upstream = await listUpstream(t, listed(data))
  const now = () => Date.parse('2026-11-28')
  const gateway = await gatewayFor(t, { ...upstream.env, OPENAI_REALTIME_MODEL: models }, { now })
  const { method, url, headers } = await upstream.asked()
  t.deepEqual([method, url, headers.authorization], ['GET', '/v1/models', 'Bearer a-test-key'])
  const logged = () =>
    gateway.lines.filter(({ event }) => event === 'model.warning').map(({ fields }) => fields.message)
  const readyz = async () => {
    const answer = await fetch(`${gateway.url}/readyz`)
    t.is(answer.status, 200)
    return ((await answer.json()) as { warnings?: string[] }).warnings ?? []
  }
  return { gateway, logged, readyz }
}

test('a model that the table knows no end of is warned of from the day that OpenAI announces', async t => {
  const { gateway, readyz } = await warningsWith(t, firstOf, [
    model('gpt-unheard-of', '2026-12-01'),
    model(firstOf, '2027-02-01'),
  ])
  const expected = noted(firstOf, '2027-02-01', 65)
  const { level, fields } = await gateway.logged('model.warning')
  t.deepEqual([level, fields.message], ['warn', expected])
  t.deepEqual(await readyz(), [expected])
})

test('a model that the table does not know is warned of too, and one that is over is said to be', async t => {
  const { gateway, readyz } = await warningsWith(t, 'gpt-9-realtime,gpt-8-realtime', [
    model('gpt-9-realtime', '2026-12-01'),
    model('gpt-8-realtime', '2026-11-01'),
  ])
  const expected = [
    noted('gpt-9-realtime', '2026-12-01', 3),
    `At OpenAI, gpt-8-realtime was retired on 2026-11-01: ${advice}`,
  ]
  await gateway.logged('model.warning', ({ message }) => message === expected[1])
  t.deepEqual(await readyz(), expected)
})

test('one warning a model: the table and OpenAI agree, or the earlier day counts', async t => {
  // The table has 2027-01-20 for all three.
  const { gateway, logged, readyz } = await warningsWith(
    t,
    'gpt-realtime,gpt-realtime-mini,gpt-realtime-2025-08-28',
    [
      model('gpt-realtime', '2027-01-20'),
      model('gpt-realtime-mini', '2027-03-20'),
      model('gpt-realtime-2025-08-28', '2026-12-24'),
    ],
  )
  const earlier = noted('gpt-realtime-2025-08-28', '2026-12-24', 26)
  await gateway.logged('model.warning', ({ message }) => message === earlier)
  const others = [noted('gpt-realtime', '2027-01-20', 53), noted('gpt-realtime-mini', '2027-01-20', 53)]
  t.deepEqual(await readyz(), [...others, earlier])
  t.deepEqual(logged(), [...others, noted('gpt-realtime-2025-08-28', '2027-01-20', 53), earlier])
})

test('a list without the field, with null, or with a day that is none says nothing', async t => {
  const odd = ['soon', '2026-13-01', '2026-02-30', '2026-12-01T00:00:00Z', '', 20261201, {}, [], true]
  const names = odd.map((_, index) => `gpt-odd-${index}`)
  const { gateway, readyz } = await warningsWith(t, ['gpt-none', 'gpt-null', ...names, 'gpt-last'].join(), [
    model('gpt-none'),
    model('gpt-null', null),
    ...odd.map((value, index) => model(`gpt-odd-${index}`, value)),
    // What is no model of the list spoils none that is one.
    ...([null, 7, [], 'x', {}, { id: 7, shutdown_date: '2026-12-01' }] as object[]),
    model('gpt-last', '2026-12-01'),
  ])
  await gateway.logged('model.warning')
  t.deepEqual(await readyz(), [noted('gpt-last', '2026-12-01', 3)])
})

const mute: Answer = () => undefined
const trickle: Answer = (_request, response) => void response.write('{"object":"list","data":[')

for (const [what, answer] of [
  ['does not answer', mute],
  ['begins an answer and goes silent', trickle],
] as const)
  test(`an upstream that ${what} delays neither the start nor readiness, and a gateway that closes gives it up`, async t => {
    const upstream = await listUpstream(t, answer)
    const gateway = await gatewayFor(t, { ...upstream.env, OPENAI_REALTIME_MODEL: 'gpt-realtime' })
    await upstream.asked()
    t.is((await fetch(`${gateway.url}/readyz`)).status, 200)
    t.is(gateway.lines.filter(({ event }) => event === 'model.warning').length, 1)
    await gateway.close()
    await upstream.left()
    t.deepEqual(
      gateway.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })

test('the gateway asks neither Azure nor its own simulator', async t => {
  let asked = 0
  const upstream = await listUpstream(t, (_request, response) => {
    asked += 1
    response.end()
  })
  const env = { AZURE_OPENAI_ENDPOINT: new URL(upstream.baseUrl).origin, AZURE_OPENAI_API_KEY: 'k' }
  await gatewayFor(t, env)
  await gatewayFor(t)
  // The list of the last one is asked for later than those of the others would be.
  await gatewayFor(t, upstream.env)
  await upstream.asked()
  t.is(asked, 1)
})

/** What one request for the list comes to. */
async function readFrom(t: ExecutionContext, answer: Answer, timeoutMs = patienceMs) {
  const upstream = await listUpstream(t, answer)
  const target = openaiTarget(new URL(upstream.baseUrl), ['gpt-realtime'])
  const faults: unknown[] = []
  const told = Promise.withResolvers<ReadonlyMap<string, string>>()
  const stop = askForRetirements(
    {
      ...{ target, credential: keyCredential(target, 'k'), timeoutMs },
      names: ['gpt-realtime'],
      onFault: fault => faults.push(fault),
    },
    told.resolve,
  )
  t.teardown(stop)
  return { days: await within(told.promise, patienceMs, 'the list is not done with'), upstream, faults }
}

const refused =
  (status: number, body: string): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', Location: '/v1/models' }).end(body)
  }

/** To a list that would say something: the key goes to nobody else's address. */
const redirect: Answer = (request, response) => {
  if (request.url === '/list') listed([model('gpt-realtime', '2026-12-01')])(request, response)
  else response.writeHead(307, { Location: '/list' }).end()
}

const endless: Answer = (_request, response) => {
  const chunk = ' '.repeat(65_536)
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', more)
  more()
}

for (const [what, answer] of [
  ['401', refused(401, '{"error":{"message":"Incorrect API key provided"}}')],
  ['403, as a restricted key is answered', refused(403, '{"error":{"message":"missing scope model.read"}}')],
  ['404', refused(404, 'not found')],
  ['429', refused(429, '')],
  ['500', refused(500, '<html>')],
  ['a redirect', redirect],
  ['no JSON', refused(200, '<html>')],
  ['JSON of another shape', refused(200, '{"data":{"gpt-realtime":"2026-12-01"}}')],
  ['null', refused(200, 'null')],
  ['nothing', refused(200, '')],
  ['a broken connection', (request: IncomingMessage) => void request.destroy()],
] as const)
  test(`the list says nothing where upstream answers ${what}`, async t => {
    const { days, faults } = await readFrom(t, answer)
    t.deepEqual([...days], [])
    t.deepEqual(faults, [])
  })

test('the request ends with its deadline', async t => {
  for (const answer of [mute, trickle]) {
    const { days, faults } = await readFrom(t, answer, 50)
    t.deepEqual([...days], [])
    t.deepEqual(faults, [])
  }
})

test('a refusal is not read to its end', async t => {
  const { days, upstream } = await readFrom(t, (_request, response) => {
    response.writeHead(403)
    response.write('{"error":')
  })
  t.deepEqual([...days], [])
  await upstream.left()
})

test('an answer without end is given up', async t => {
  const { days, upstream } = await readFrom(t, endless)
  t.deepEqual([...days], [])
  await upstream.left()
})

test('of a long list only the models that are configured are kept', async t => {
  const many = Array.from({ length: 2000 }, (_, index) => model(`gpt-${index}`, '2026-12-01'))
  const { days } = await readFrom(t, listed([...many, model('gpt-realtime', '2026-12-02')]))
  t.deepEqual([...days], [['gpt-realtime', '2026-12-02']])
})

test('a fault of whoever is told is the owner’s', async t => {
  const upstream = await listUpstream(t, listed([]))
  const target = openaiTarget(new URL(upstream.baseUrl), ['gpt-realtime'])
  const fault = Promise.withResolvers<unknown>()
  const stop = askForRetirements(
    {
      ...{ target, credential: keyCredential(target, 'k'), timeoutMs: patienceMs },
      ...{ names: [], onFault: fault.resolve },
    },
    () => {
      throw new RangeError('told')
    },
  )
  t.teardown(stop)
  t.true((await within(fault.promise, patienceMs, 'the fault is lost')) instanceof RangeError)
})

test('whoever stops the request is told nothing', async t => {
  const upstream = await listUpstream(t, mute)
  const target = openaiTarget(new URL(upstream.baseUrl), ['gpt-realtime'])
  const told: unknown[] = []
  const stop = askForRetirements(
    {
      ...{ target, credential: keyCredential(target, 'k'), timeoutMs: patienceMs },
      ...{ names: [], onFault: fault => told.push(fault) },
    },
    days => told.push(days),
  )
  await upstream.asked()
  stop()
  stop()
  await upstream.left()
  await new Promise(resolve => systemClock.afterTurn(() => resolve(null)))
  t.deepEqual(told, [])
})
