/** The two sides of the gateway that read frames: a client's, and an upstream's. */

import { gatewayFor, mailbox, type Stage } from '../gateway/start.ts'
import { within } from '../gateway/within.ts'
import { encodeFrame, opcodes, type Received } from '../wire/frames.ts'
import { acceptUpgrade, closePeer, listenRaw, openPeer, type Peer } from '../wire/peer.ts'
import type { Case } from './cases.ts'
import type { Outcome } from './verdict.ts'

export const legs = ['client', 'upstream'] as const
export type LegName = (typeof legs)[number]

export interface Leg {
  /** Plays a case on a connection of its own. */
  play(given: Case): Promise<Outcome>
}

const greeting = Buffer.from('{"type":"session.created","session":{}}')
/** Comes after every case: what is said before it has been heard. */
const sync = Buffer.from('{"type":"the.end"}')
/** A case that is neither answered nor ended by then is stuck (ms). */
const caseMs = 10_000

const isSync = ({ payload }: Received) => payload.equals(sync)
const textFrame = (payload: Buffer, isMasked: boolean) =>
  encodeFrame({ opcode: opcodes.text, payload, isMasked })

/** @param echoes whether it sends back what it reads */
async function start(t: Stage, echoes: boolean) {
  const dialled = mailbox<Peer>('the gateway does not dial')
  const port = await listenRaw(t, given => {
    const peer = acceptUpgrade(given)
    void peer.write(textFrame(greeting, false))
    dialled.put(peer)
    let read = 0
    given.socket.on('data', () => {
      for (const { opcode, payload } of peer.received.slice(read)) {
        read += 1
        if (opcode === opcodes.close) closePeer(peer, false)
        else if (echoes) void peer.write(encodeFrame({ opcode, payload, isMasked: false }))
      }
    })
  })
  const gateway = await gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
    AZURE_OPENAI_API_KEY: 'a-test-key',
    REALTIME_MAX_MSG_MB: '1',
    UPSTREAM_CONNECT_TIMEOUT_MS: '10000',
    LIMIT_UPGRADES_PER_MINUTE_PER_ADDRESS: '0',
    LIMIT_UPGRADES_PER_MINUTE_PER_CREDENTIAL: '0',
    LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: '0',
    LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL: '0',
  })
  return {
    open: async () => {
      const client = await openPeer(gateway.port, '/v1/realtime')
      if (client === null || typeof client === 'number') throw new Error(`not let in: ${client}`)
      const upstream = await dialled.take()
      await client.first(({ payload }) => payload.equals(greeting))
      return { client, upstream }
    },
  }
}

/** The client writes; an upstream sends all that it reads back. */
export async function startClientLeg(t: Stage): Promise<Leg> {
  const { open } = await start(t, true)
  const play = async ({ pieces }: Case): Promise<Outcome> => {
    const { client } = await open()
    await client.write(...pieces)
    await client.write(textFrame(sync, true))
    const isOpen = (await client.first(isSync)) !== null
    const ending = isOpen ? null : await client.ended
    closePeer(client, true)
    return { messages: messagesOf(client), pongs: pongsOf(client), ending }
  }
  return { play: given => within(play(given), caseMs, `case ${given.id} of the client's leg is stuck`) }
}

/** The upstream writes; a client hears what goes through. */
export async function startUpstreamLeg(t: Stage): Promise<Leg> {
  const { open } = await start(t, false)
  const play = async ({ pieces }: Case): Promise<Outcome> => {
    const { client, upstream } = await open()
    await upstream.write(...pieces)
    await upstream.write(textFrame(sync, false))
    await upstream.write(encodeFrame({ opcode: opcodes.ping, payload: sync, isMasked: false }))
    // Both ways are waited for: pongs and messages take different ones.
    const isOpen = (await client.first(isSync)) !== null && (await upstream.first(isSync)) !== null
    const ending = isOpen ? null : await upstream.ended
    const pongs = pongsOf(upstream)
    closePeer(client, true)
    upstream.socket.destroy()
    return { messages: messagesOf(client), pongs, ending }
  }
  return { play: given => within(play(given), caseMs, `case ${given.id} of upstream's leg is stuck`) }
}

/** Of the case: what is the gateway's or the test's own is left out. */
function messagesOf({ received }: Peer): Received[] {
  const isOwn = ({ payload }: Received) =>
    payload.equals(greeting) || payload.equals(sync) || payload.includes('"gateway_error"')
  return received.filter(
    each => (each.opcode === opcodes.text || each.opcode === opcodes.binary) && !isOwn(each),
  )
}

function pongsOf({ received }: Peer): Buffer[] {
  return received.filter(each => each.opcode === opcodes.pong && !isSync(each)).map(({ payload }) => payload)
}
