/**
 * What a hostile client can do with bare sockets: the process stays up, other sessions go on, and memory
 * comes back. The gateway is a process of its own, so that its memory can be told from the test's.
 */
import test, { type ExecutionContext } from 'ava'
import { converse, type Talk } from '../gateway/converse.ts'
import { type GatewayProcess, gatewayProcess } from '../gateway/process.ts'
import { closeCode, ended, frameHead, halfUpgrade, rawSocket, rawWebSocket, writeAll } from './raw.ts'

interface Siege {
  readonly gateway: GatewayProcess
  readonly port: number
  /** A well-behaved session that was there before. */
  readonly other: Talk
  /** Resident memory (bytes). */
  memory(): Promise<number>
  /** Asks the other session for a sign of life. @returns how long it took (ms) */
  pace(): Promise<number>
}

/** What an allocator may keep after the load is gone. */
const allowedGrowthBytes = 64 * 1024 * 1024

async function siege(t: ExecutionContext, env: Record<string, string> = {}): Promise<Siege> {
  const gateway = await gatewayProcess(t, env)
  const other = await converse(t, `${gateway.socketUrl}/chat`)
  const pace = async () => {
    const startedAt = performance.now()
    other.send({ type: 'heartbeat' })
    await other.until('heartbeat-ack')
    return performance.now() - startedAt
  }
  const memory = async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    return Number(/^process_resident_memory_bytes\{[^}]*\} (\S+)$/m.exec(text)?.[1])
  }
  await pace()
  return { gateway, port: Number(new URL(gateway.url).port), other, memory, pace }
}

/** Holds the promises that every test here makes. */
async function withstood(
  t: ExecutionContext,
  { gateway, memory, pace }: Siege,
  before: number,
  peak: number,
) {
  t.is((await fetch(`${gateway.url}/healthz`)).status, 200)
  t.true((await pace()) >= 0)
  t.is(gateway.child.exitCode, null)
  const after = await memory()
  const mib = (bytes: number) => Math.round(bytes / 1024 / 1024)
  t.log(`resident memory (MiB): ${mib(before)} before, ${mib(peak)} at the peak, ${mib(after)} after`)
  t.true(after < before + allowedGrowthBytes, `memory stays at ${mib(after)} MiB`)
}

test.serial('10,000 half-open upgrades: other sessions keep their pace, and memory comes back', async t => {
  t.timeout(120_000)
  const all = await siege(t)
  const before = await all.memory()
  const sockets = []
  for (let batch = 0; batch < 50; batch += 1) {
    const opened = await Promise.all(Array.from({ length: 200 }, () => rawSocket(t, all.port)))
    for (const socket of opened) socket.write(halfUpgrade)
    sockets.push(...opened)
  }
  const paceMs = await all.pace()
  const peak = await all.memory()
  t.log(`a sign of life of another session took ${paceMs.toFixed(1)} ms`)
  for (const socket of sockets) socket.destroy()
  await withstood(t, all, before, peak)
})

test.serial(
  'slowloris: requests that come a byte at a time are cut, and hold nobody up meanwhile',
  async t => {
    t.timeout(120_000)
    const all = await siege(t)
    const before = await all.memory()
    const sockets = await Promise.all(Array.from({ length: 500 }, () => rawSocket(t, all.port)))
    for (const socket of sockets) socket.write('GET /chat HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
    const drip = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write('a')
    }, 1000)
    t.teardown(() => clearInterval(drip))
    const startedAt = performance.now()
    await all.pace()
    t.is((await fetch(`${all.gateway.url}/healthz`)).status, 200)
    const peak = await all.memory()
    await Promise.all(sockets.map(ended))
    t.log(`all were cut within ${Math.round((performance.now() - startedAt) / 1000)} s`)
    await withstood(t, all, before, peak)
  },
)

test.serial('a header flood is answered with 431 or cut', async t => {
  const all = await siege(t)
  const before = await all.memory()
  for (const header of [`X-Big: ${'a'.repeat(1_000_000)}\r\n`, 'X-Many: a\r\n'.repeat(100_000)]) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => rawSocket(t, all.port)))
    const answers = sockets.map(
      socket =>
        new Promise<string>(resolve => {
          let text = ''
          socket.on('data', chunk => {
            text += chunk
          })
          socket.on('close', () => resolve(text))
        }),
    )
    for (const socket of sockets) socket.write(`GET /chat HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`)
    for (const answer of await Promise.all(answers))
      t.true(answer === '' || answer.startsWith('HTTP/1.1 431'))
  }
  await withstood(t, all, before, await all.memory())
})

test.serial(
  'a million fragments of one byte are one message of a million bytes, and no more memory than that',
  async t => {
    t.timeout(120_000)
    const all = await siege(t)
    const before = await all.memory()
    const socket = await rawWebSocket(t, all.port)
    socket.resume()
    const one = Buffer.concat([frameHead(0, false, 1), Buffer.from('a')])
    const batch = Buffer.concat(new Array(10_000).fill(one))
    await writeAll(socket, Buffer.concat([frameHead(1, false, 1), Buffer.from('"')]))
    for (let n = 0; n < 100; n += 1) await writeAll(socket, batch)
    const peak = await all.memory()
    t.true(peak < before + allowedGrowthBytes)
    const paceMs = await all.pace()
    t.log(`a sign of life of another session took ${paceMs.toFixed(1)} ms`)
    socket.destroy()
    await withstood(t, all, before, peak)
  },
)

test.serial('fragments without end are cut at the limit', async t => {
  t.timeout(120_000)
  const all = await siege(t, { REALTIME_MAX_MSG_MB: '1' })
  const before = await all.memory()
  const socket = await rawWebSocket(t, all.port)
  const over = ended(socket)
  const part = Buffer.concat([frameHead(0, false, 100_000), Buffer.alloc(100_000, 'a')])
  await writeAll(socket, Buffer.concat([frameHead(1, false, 1), Buffer.from('a')]))
  for (let n = 0; n < 100 && !socket.destroyed; n += 1) await writeAll(socket, part)
  await over
  await withstood(t, all, before, await all.memory())
})

for (const [what, length] of [
  ['of 100 MB', 100_000_000],
  ['of 2^62 bytes', 2n ** 62n],
  ['of 2^64 - 1 bytes', 2n ** 64n - 1n],
] as const) {
  test.serial(`a frame that claims to be ${what} is cut at its head`, async t => {
    const all = await siege(t)
    const before = await all.memory()
    const socket = await rawWebSocket(t, all.port)
    const over = ended(socket)
    await writeAll(socket, frameHead(1, true, length))
    await writeAll(socket, Buffer.alloc(65_536, 'a'))
    await over
    await withstood(t, all, before, await all.memory())
  })
}

test.serial('100 frames that never end hold no more than what they sent', async t => {
  t.timeout(120_000)
  const all = await siege(t)
  const before = await all.memory()
  const sockets = await Promise.all(Array.from({ length: 100 }, () => rawWebSocket(t, all.port)))
  for (const socket of sockets) {
    socket.resume()
    await writeAll(socket, Buffer.concat([frameHead(1, true, 10_000_000), Buffer.alloc(100_000, 'a')]))
  }
  await all.pace()
  const peak = await all.memory()
  t.true(peak < before + allowedGrowthBytes, 'nothing is reserved for what is only announced')
  for (const socket of sockets) socket.destroy()
  await withstood(t, all, before, peak)
})

test.serial(
  'a text frame of invalid UTF-8 ends its own session, at once or at its last fragment',
  async t => {
    const all = await siege(t)
    const before = await all.memory()
    for (const frames of [
      [Buffer.concat([frameHead(1, true, 4), Buffer.from([0x7b, 0xff, 0xfe, 0x7d])])],
      [
        Buffer.concat([frameHead(1, false, 1), Buffer.from([0xc3])]),
        Buffer.concat([frameHead(0, true, 1), Buffer.from([0x28])]),
      ],
      [Buffer.concat([frameHead(1, true, 3), Buffer.from([0xed, 0xa0, 0x80])])],
    ]) {
      const socket = await rawWebSocket(t, all.port)
      const code = closeCode(socket)
      for (const frame of frames) await writeAll(socket, frame)
      t.true([1007, null].includes(await code))
    }
    await withstood(t, all, before, await all.memory())
  },
)

test.serial(
  'frames that break the protocol end their own session, at once or as a peer that fell silent',
  async t => {
    const all = await siege(t, { REALTIME_HEARTBEAT_SEC: '1' })
    const before = await all.memory()
    for (const bytes of [
      Buffer.from([0xff, 0x80, 0, 0, 0, 0]),
      Buffer.from([0x81, 0x01, 0x61]),
      Buffer.concat([frameHead(9, false, 1), Buffer.from('a')]),
      Buffer.concat([frameHead(0, true, 1), Buffer.from('a')]),
      Buffer.concat([frameHead(8, true, 1), Buffer.from('a')]),
    ]) {
      const socket = await rawWebSocket(t, all.port)
      const over = ended(socket)
      await writeAll(socket, bytes)
      await over
    }
    await withstood(t, all, before, await all.memory())
  },
)

test.serial('headers of 12 kB, as a token with many groups makes them, are taken', async t => {
  const { gateway } = await siege(t)
  const headers = { Authorization: `Bearer ${'a'.repeat(12_000)}` }
  const talk = await converse(t, `${gateway.socketUrl}/chat`, { headers })
  talk.send({ type: 'heartbeat' })
  t.is((await talk.next()).type, 'heartbeat-ack')
})
