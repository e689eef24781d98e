/** The connection to Redis before a server that says what a test wants: how failures are named, told and survived. */
import { createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { RedisConnection, type RedisOptions } from '../../runtime/store/redis-connection.ts'

const probeKey = 'gateway:1:probe'
const patienceMs = 10_000

/** Speaks as much of RESP 2 as a connection needs: `+OK` to all but `SET`. */
async function fakeRedis(t: ExecutionContext) {
  const sockets = new Set<Socket>()
  const sets: string[][] = []
  let accepted = 0
  let pings = 0
  /** Answers a `SET` by its key; after null a connection is silent. */
  const says = { set: (_key: string): string | null => '+OK\r\n', hello: true }
  const server = createServer(socket => {
    sockets.add(socket)
    accepted += 1
    let text = ''
    let isMute = false
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (!says.hello) return void socket.destroy()
    socket.on('data', data => {
      text += data.toString()
      for (let words = read(); words !== null; words = read()) {
        const [name = '', key = ''] = words
        if (name.toUpperCase() === 'SET') sets.push(words)
        if (name.toUpperCase() === 'PING') pings += 1
        const answer = name.toUpperCase() === 'SET' ? says.set(key) : '+OK\r\n'
        // Answers come in the order of the commands: behind one that is missing there is none.
        isMute ||= answer === null
        if (!isMute) socket.write(answer ?? '')
      }
    })
    /** @returns the words of the next command that is whole */
    function read(): string[] | null {
      const lines = text.split('\r\n')
      const count = Number(lines[0]?.slice(1))
      if (!(count > 0) || lines.length < 2 * count + 2) return null
      text = lines.slice(2 * count + 1).join('\r\n')
      return Array.from({ length: count }, (_, place) => lines[2 * place + 2] ?? '')
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return {
    ...{ says, sets, url: `redis://127.0.0.1:${port}` },
    accepted: () => accepted,
    pings: () => pings,
    open: () => sockets.size,
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function connectionTo(t: ExecutionContext, url: string, options: Partial<RedisOptions> = {}) {
  const lines: string[] = []
  const write = (event: string, fields: object = {}) =>
    void lines.push([event, ...Object.values(fields)].join(' '))
  const connection = new RedisConnection({
    ...{ url, probeMs: 600_000, commandTimeoutMs: patienceMs, ...options },
    log: { info: write, warn: write, error: write },
  })
  t.teardown(() => connection.close())
  return { connection, lines }
}

async function until(fits: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!fits()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${patienceMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** What Redis says, and how the gateway tells it. */
const refusals: readonly (readonly [says: string, reason: string])[] = [
  ['OOM command not allowed', 'Redis refuses writes: it is out of memory'],
  ["READONLY You can't write", 'Redis refuses writes: it is read-only'],
  ['MISCONF Redis is configured', 'Redis refuses writes: it cannot save to its disk'],
  ['NOREPLICAS Not enough good', 'Redis refuses writes: it has too few replicas'],
  ['LOADING Redis is loading', 'Redis is loading its data'],
  ['NOPERM this user has no', 'Redis refuses writes: this user has no permission'],
  ['ERR OOM', 'Redis refused a command'],
]

for (const [says, reason] of refusals) {
  test(`${says}: ${reason}`, async t => {
    const redis = await fakeRedis(t)
    redis.says.set = () => `-${says}\r\n`
    const { connection } = connectionTo(t, redis.url)
    await until(() => connection.unavailable() === null, 'connected')
    const error = await t.throwsAsync(connection.run(client => client.set('a', 'x')))
    t.like(error, { code: 'store_unavailable', message: reason, retryAfterMs: 2000 })
    t.is(connection.unavailable(), null, 'a command of ours says nothing of others')
  })
}

test('what the probe meets is why the store is unavailable; it is told once when it changes', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url, { probeMs: 5 })
  await until(() => redis.sets.length > 2, 'probes')
  t.is(connection.unavailable(), null)
  t.deepEqual(lines, ['store.connected'])
  t.deepEqual(redis.sets[0], ['SET', probeKey, '1', 'PX', '60000'])
  redis.says.set = () => '-OOM no\r\n'
  await until(() => connection.unavailable() !== null, 'unavailable')
  const { length } = redis.sets
  await until(() => redis.sets.length > length + 2, 'more probes')
  t.is(connection.unavailable(), 'Redis refuses writes: it is out of memory')
  redis.says.set = () => '+OK\r\n'
  await until(() => connection.unavailable() === null, 'available')
  t.deepEqual(lines, [
    'store.connected',
    'store.lost Redis refuses writes: it is out of memory',
    'store.connected',
  ])
})

test('a server that has become read-only is left for the one that its name leads to now, and told of once', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url, { probeMs: 5 })
  await until(() => redis.sets.length > 2, 'probes')
  redis.says.set = () => "-READONLY You can't write against a read only replica.\r\n"
  await until(() => redis.accepted() > 2, 'more connections')
  t.not(connection.unavailable(), null)
  redis.says.set = () => '+OK\r\n'
  await until(() => connection.unavailable() === null, 'available')
  await until(() => redis.open() === 1, 'the others are left')
  t.deepEqual(lines, [
    'store.connected',
    'store.lost Redis refuses writes: it is read-only',
    'store.connected',
  ])
})

test('of probes one at a time is under way', async t => {
  const redis = await fakeRedis(t)
  redis.says.set = () => null
  const { connection } = connectionTo(t, redis.url, { probeMs: 2 })
  await until(() => redis.sets.length === 1, 'a probe')
  t.is(connection.unavailable(), null)
  await new Promise(resolve => setTimeout(resolve, 30))
  t.is(redis.sets.length, 1)
})

test('a connection that is lost is told once, however often it is tried again in vain, and heals', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url)
  t.is(connection.unavailable(), 'Redis cannot be reached')
  const early = await t.throwsAsync(connection.run(client => client.set('a', 'x')))
  t.like(early, { code: 'store_unavailable', message: 'Redis cannot be reached', retryAfterMs: 2000 })
  await until(() => connection.unavailable() === null, 'connected')
  redis.says.hello = false
  redis.cut()
  await until(() => connection.unavailable() !== null, 'lost')
  t.is(connection.unavailable(), 'Redis cannot be reached')
  // Some tries more: the first waits are of tens of milliseconds.
  await new Promise(resolve => setTimeout(resolve, 500))
  redis.says.hello = true
  await until(() => connection.unavailable() === null, 'connected again')
  t.is(lines.length, 3, lines.join())
  t.is(lines[0], 'store.connected')
  t.regex(lines[1] ?? '', /^store\.lost /)
  t.is(lines[2], 'store.connected')
  t.is(await connection.run(client => client.set('a', 'x')), 'OK')
})

test('a command that is not answered in time fails, and a connection that was heard a moment ago is kept', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url, { commandTimeoutMs: 30, silentMs: 60_000 })
  await until(() => connection.unavailable() === null, 'connected')
  redis.says.set = key => (key === 'silent' ? null : '+OK\r\n')
  const error = await t.throwsAsync(connection.run(client => client.set('silent', 'x')))
  t.like(error, { code: 'store_unavailable', message: 'Redis does not answer' })
  t.deepEqual(lines, ['store.connected'])
})

test('a connection that answers pings alone was heard: a command that comes to nothing does not end it', async t => {
  const silentMs = 1000
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url, { commandTimeoutMs: 20, silentMs })
  await until(() => connection.unavailable() === null, 'connected')
  const readyAt = performance.now()
  redis.says.set = key => (key === 'silent' ? null : '+OK\r\n')
  await until(() => performance.now() > readyAt + silentMs, 'idle')
  const pings = redis.pings()
  await until(() => redis.pings() > pings, 'a ping')
  await t.throwsAsync(
    connection.run(client => client.set('silent', 'x')),
    { message: 'Redis does not answer' },
  )
  // The connection is given up right behind the command, or not.
  t.deepEqual(lines, ['store.connected'])
})

test('a connection on which nothing was heard for long is given up for another, once', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url, { commandTimeoutMs: 60, silentMs: 50 })
  await until(() => connection.unavailable() === null, 'connected')
  redis.says.set = key => (key === 'silent' ? null : '+OK\r\n')
  await Promise.all([1, 2, 3].map(() => t.throwsAsync(connection.run(client => client.set('silent', 'x')))))
  await until(() => lines.includes('store.lost silent') || lines.length > 1, 'lost')
  await until(() => connection.unavailable() === null, 'connected again')
  t.is(lines.filter(line => line.startsWith('store.lost')).length, 1, lines.join())
})

test('why a connection was given up is told: nothing was heard, though much was said', async t => {
  const redis = await fakeRedis(t)
  redis.says.set = () => null
  const { connection, lines } = connectionTo(t, redis.url, { commandTimeoutMs: 20, silentMs: 200 })
  // A busy machine may be late with the next command: what was said last is then what the library goes by.
  await until(() => {
    connection.run(client => client.set('a', 'x')).catch(() => undefined)
    return lines.includes('store.lost silent')
  }, 'given up')
  await until(() => connection.unavailable() === null, 'connected again')
  t.true(redis.accepted() > 1)
})

test('a connection that was closed stays closed, and nothing is tried any more', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url, { probeMs: 5 })
  await until(() => redis.sets.length > 0, 'a probe')
  connection.close()
  connection.close()
  const { length } = redis.sets
  await new Promise(resolve => setTimeout(resolve, 50))
  t.is(redis.sets.length, length)
  t.is(connection.unavailable(), 'Redis cannot be reached')
  await t.throwsAsync(
    connection.run(client => client.set('a', 'x')),
    { code: 'store_unavailable' },
  )
  t.deepEqual(lines, ['store.connected'])
})

test('a connection that is closed before it is there never is, and Redis is left again', async t => {
  const redis = await fakeRedis(t)
  const { connection, lines } = connectionTo(t, redis.url)
  connection.close()
  await until(() => redis.accepted() === 1 && redis.open() === 0, 'left')
  t.deepEqual(lines, [])
  t.is(connection.unavailable(), 'Redis cannot be reached')
})

test('what is not set is a second for a command, ten of silence, five to connect, and a probe each two', async t => {
  const redis = await fakeRedis(t)
  const intervals: unknown[] = []
  const { setInterval } = globalThis
  globalThis.setInterval = ((run: () => void, ms: number) => {
    intervals.push(ms)
    return setInterval(run, ms)
  }) as typeof globalThis.setInterval
  const ignore = () => undefined
  const connection = new RedisConnection({
    url: redis.url,
    log: { info: ignore, warn: ignore, error: ignore },
  })
  // Nothing is awaited in between: no other test comes by it.
  globalThis.setInterval = setInterval
  t.teardown(() => connection.close())
  t.true(intervals.includes(2000), intervals.join())
  await until(() => connection.unavailable() === null, 'connected')
  const options = await connection.run(async client => client.options)
  t.like(options, {
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    pingInterval: 5000,
    commandOptions: { timeout: 1000 },
    socket: { connectTimeout: 5000, socketTimeout: 10_000 },
  })
})

test('a connection is tried again after tens of milliseconds, and every two seconds at the latest', async t => {
  const redis = await fakeRedis(t)
  const { connection } = connectionTo(t, redis.url)
  await until(() => connection.unavailable() === null, 'connected')
  const { socket } = await connection.run(async client => client.options ?? {})
  const { reconnectStrategy } = socket as { reconnectStrategy: (retries: number) => number }
  for (const [retries, mostMs] of [
    [0, 50],
    [1, 100],
    [2, 200],
    [5, 1600],
    [6, 2000],
    [1000, 2000],
  ] as const)
    for (let n = 0; n < 20; n += 1) {
      const ms = reconnectStrategy(retries)
      t.true(ms >= mostMs / 2 && ms <= mostMs && Number.isInteger(ms), `${retries}: ${ms}`)
    }
})
