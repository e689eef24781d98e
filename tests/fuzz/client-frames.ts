/** What clients write on their sockets, at each address that takes one. */
import fc from 'fast-check'
import { startSimulatorChild } from '../fairness/stage.ts'
import { ask, converse } from '../gateway/converse.ts'
import { within } from '../gateway/within.ts'
import { encodeFrame, opcodes } from '../wire/frames.ts'
import { openPeer, reset } from '../wire/peer.ts'
import { cutInto, encodeStep, mayBeCut, type Step, stepsOf } from './frame-steps.ts'
import { answerMs, assertEnding, assertRefusal, startFuzzedGateway } from './gateway-target.ts'
import type { Surface } from './surface.ts'
import { clientText } from './values.ts'

interface ClientInput {
  readonly path: string
  readonly steps: readonly Step[]
  /** Bytes of each write; 0: all at once. */
  readonly pieces: number
  readonly end: 'close' | 'reset' | 'half-close'
}

const addresses = [
  ...['/chat', '/chat?resume=', '/realtime', '/realtime?resume=', '/v1/realtime', '/openai/v1/realtime'],
  ...[
    '/v1/realtime?model=gpt-realtime',
    '/openai/realtime?api-version=2024-10-01-preview&deployment=gpt-realtime',
  ],
]
const path = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...addresses) },
  fc
    .tuple(
      fc.constantFrom(...addresses),
      fc.constantFrom('resume', 'model', 'deployment', 'call_id', 'intent', '__proto__'),
      fc.string({ unit: 'binary', maxLength: 80 }),
    )
    .map(([base, name, value]) => `${base.split('?')[0]}?${name}=${encodeURIComponent(value)}`),
)

const sync = Buffer.from('the end')
const tailBytes = 4

export const clientFrames: Surface<ClientInput> = {
  name: 'client-frames',
  batch: 20,
  inputs: fc.record({
    path,
    steps: stepsOf(clientText, true),
    pieces: fc.constantFrom(0, 0, 1, 7),
    end: fc.constantFrom('close' as const, 'reset' as const, 'half-close' as const),
  }),
  start: async t => {
    const gateway = await startFuzzedGateway(t, await startSimulatorChild(t))
    const bystander = await converse(t, `${gateway.url.replace('http', 'ws')}/chat`)
    let asked = 0
    return {
      play: input => within(playClient(gateway.port, input), answerMs, 'a client waits in vain'),
      check: async () => {
        asked += 1
        const text = `bystander ${asked}`
        const answer = await within(ask(bystander, text), answerMs, 'the bystander has no answer')
        if (answer.transcript !== `You said: ${text}`)
          throw new Error(`the bystander was answered ${answer.transcript}`)
        await gateway.check()
      },
      finish: gateway.finish,
    }
  },
}

async function playClient(port: number, { path, steps, pieces, end }: ClientInput): Promise<void> {
  const peer = await openPeer(port, path)
  if (peer === null) throw new Error('a legal upgrade was cut')
  if (typeof peer === 'number') return assertRefusal(peer)
  for (const step of steps) {
    const encoded = encodeStep(step, true)
    // What is long is cut at its end alone: a write for each byte of a megabyte shows no more.
    const cutAt = Math.max(0, encoded.length - tailBytes)
    const isLong = step.kind === 'large' || (pieces === 1 && encoded.length > 400)
    await peer.write(
      ...(isLong ? [encoded.subarray(0, cutAt), encoded.subarray(cutAt)] : cutInto(encoded, pieces)),
    )
  }
  const mayCut = mayBeCut(steps)
  if (!mayCut) {
    await peer.write(encodeFrame({ opcode: opcodes.ping, payload: sync, isMasked: true }))
    const pong = await peer.first(({ opcode, payload }) => opcode === opcodes.pong && payload.equals(sync))
    if (pong === null) assertEnding(await peer.ended, false)
  }
  if (end === 'reset') return reset(peer.socket)
  if (end === 'close') await peer.write(encodeFrame({ opcode: opcodes.close, isMasked: true }))
  // A frame that claims to be longer than it is keeps the gateway waiting; its heartbeat would end that.
  if (mayCut || end === 'half-close') peer.socket.end()
  assertEnding(await peer.ended, mayCut || end !== 'close')
  peer.socket.destroy()
}
