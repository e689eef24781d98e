/** Attempts to connect to an upstream that writes what a test says, over real sockets. */
import type { GatewayError } from '../../runtime/core/errors.ts'
import type { Upstream } from '../../runtime/core/ports.ts'
import { type ConnectOptions, connect } from '../../runtime/upstream/connect.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { closePayload, encodeFrame, opcodes } from '../wire/frames.ts'
import { acceptUpgrade, type Dialled, listenRaw, type Peer } from '../wire/peer.ts'

export const frame = (opcode: number, payload: string | Buffer = '') =>
  encodeFrame({ opcode, payload: Buffer.from(payload as string), isMasked: false })
export const text = (words: string) => frame(opcodes.text, words)
export const close = (code: number, reason = '') => frame(opcodes.close, closePayload(code, reason))

export const greeting = '{"type":"session.created"}'
export const refusal = '{"type":"error","error":{"code":"invalid_api_key"}}'

export type Answer = (dialled: Dialled) => unknown

/** Upgrades, and writes these frames. */
export const upgrading =
  (...frames: readonly Buffer[]): Answer =>
  dialled => {
    const peer = acceptUpgrade(dialled)
    for (const each of frames) peer.socket.write(each)
    return peer
  }

/** Attempts to connect. What is told is written down; of the upstream, and of its server's side, there is one. */
export async function attempt(
  t: Stage,
  answer: Answer,
  changed: Partial<ConnectOptions> = {},
  fails: { readonly opened?: boolean; readonly text?: string } = {},
) {
  const told: string[] = []
  /** Of each event. */
  const memory: ArrayBufferLike[] = []
  const dialled = Promise.withResolvers<Dialled>()
  const server = Promise.withResolvers<unknown>()
  const port = await listenRaw(t, given => {
    dialled.resolve(given)
    server.resolve(answer(given))
  })
  let upstream: Upstream | undefined
  let error: GatewayError | undefined
  const listener = (name = '') => ({
    event: (data: Buffer, isBinary: boolean) => {
      told.push(`${name}${isBinary ? 'bytes ' : ''}${data}`)
      memory.push(data.buffer)
      if (String(data) === fails.text) throw new Error('a broken listener')
    },
    closed: (code: number, reason: string, why?: GatewayError) =>
      void told.push(`${name}closed ${code} ${reason}${why?.code ?? ''}`),
    fault: (fault: unknown) => void told.push(`${name}fault: ${(fault as Error).message}`),
  })
  const abort = connect(
    {
      ...{
        url: new URL(`ws://127.0.0.1:${port}/v1`),
        headers: { 'api-key': 'a-test-key' },
        label: 'upstream',
      },
      ...{ timeoutMs: patienceMs, maxMessageBytes: 1000, heartbeatMs: 60_000, ...changed },
    },
    {
      listener: listener(),
      opened: opened => {
        told.push('opened')
        upstream = opened
        if (fails.opened) throw new Error('a broken attempt')
      },
      failed: fault => {
        told.push(`failed ${fault.code}`)
        error = fault
      },
    },
  )
  t.teardown(abort)
  const untilTold = (last: string | RegExp) =>
    until(
      () => told.some(line => (typeof last === 'string' ? line === last : last.test(line))),
      () => `"${last}" is not told: ${told}`,
    )
  return {
    ...{ told, memory, listener, abort, untilTold },
    /** Once it is open. */
    open: async () => {
      await untilTold('opened')
      return { upstream: upstream as Upstream, peer: (await server.promise) as Peer }
    },
    /** Its side of the connection, once it has answered. */
    server: async () => (await within(server.promise, patienceMs, 'nobody dials')) as Peer,
    error: () => error,
    /** Resolves when the connection has gone, seen from the server. */
    left: async () => {
      const { socket } = await within(dialled.promise, patienceMs, 'nobody dials')
      await until(() => socket.destroyed || socket.readableEnded, 'the connection is kept')
    },
  }
}
