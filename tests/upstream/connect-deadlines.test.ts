/** How long upstream is waited for: for its greeting, for the close behind a refusal, and for the answer to a close. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { opcodes } from '../wire/frames.ts'
import { acceptUpgrade, type Dialled, type Peer } from '../wire/peer.ts'
import { attempt, frame, greeting, refusal, text, upgrading } from './connect-attempt.ts'

const { setTimeout } = globalThis

/** Long enough for what should not be told to be told (ms). */
const quietMs = 50
const silence = () => new Promise(resolve => setTimeout(resolve, quietMs))

function mockTimers(t: ExecutionContext): void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
}

/** Lets time pass. @returns when it was told what that brings */
async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await silence()
}

test.serial('a session that does not begin is given up after the time of the dial', async t => {
  mockTimers(t)
  const { told, untilTold } = await attempt(t, upgrading(), { timeoutMs: 5000 })
  await pass(4999)
  t.deepEqual(told, [])
  await pass(1)
  await untilTold('failed upstream_timeout')
})

/** Upgrades and refuses by an event. @returns resolves when the event was read, told by the pong behind it */
function refusing() {
  const read = Promise.withResolvers<void>()
  const answer = (dialled: Dialled): Peer => {
    const peer = acceptUpgrade(dialled)
    void peer.first(({ opcode }) => opcode === opcodes.pong).then(() => read.resolve())
    void peer.write(text(refusal), frame(opcodes.ping))
    return peer
  }
  return { answer, read: read.promise }
}

for (const [timeoutMs, waitMs] of [
  [5000, 1000],
  [500, 500],
] as const) {
  test.serial(
    `the close behind a refusal is waited for ${waitMs} ms, where a dial has ${timeoutMs}`,
    async t => {
      mockTimers(t)
      const { answer, read } = refusing()
      const { told, untilTold, error, left } = await attempt(t, answer, { timeoutMs })
      await read
      if (waitMs < timeoutMs) {
        await pass(waitMs - 1)
        t.deepEqual(told, [])
      }
      await pass(waitMs)
      await untilTold('failed upstream_refused')
      t.deepEqual(error()?.refusal, { event: refusal, close: null })
      await left()
    },
  )
}

test.serial('a refusal that came before the time was over, and is read with its end, counts', async t => {
  mockTimers(t)
  const { told, untilTold, server } = await attempt(t, upgrading(), { timeoutMs: 5000 })
  const peer = await server()
  peer.socket.write(frame(opcodes.ping))
  await peer.first(({ opcode }) => opcode === opcodes.pong)
  // Of a turn of the event loop: timers, what arrived, and what is due behind that.
  await new Promise<void>(resolve =>
    setTimeout(() => {
      peer.socket.write(text(refusal))
      mock.timers.tick(5000)
      resolve()
    }, 1),
  )
  await silence()
  t.deepEqual(told, [])
  await pass(1000)
  await untilTold('failed upstream_refused')
})

test.serial('a close that is not answered is waited for two seconds', async t => {
  mockTimers(t)
  const { told, open, untilTold, left } = await attempt(t, upgrading(text(greeting)))
  const { upstream, peer } = await open()
  await untilTold(greeting)
  upstream.close(1000, '')
  await peer.first(({ opcode }) => opcode === opcodes.close)
  await pass(1999)
  t.deepEqual(told, ['opened', greeting])
  await pass(1)
  await untilTold(/^closed/)
  await left()
})
