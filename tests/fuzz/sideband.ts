/** Calls that are controlled: requests about them, and both sides of a control connection. */
import fc from 'fast-check'
import { type CallUpstream, callUpstream, placeCall } from '../calls/call-upstream.ts'
import { within } from '../gateway/within.ts'
import { encodeFrame, opcodes } from '../wire/frames.ts'
import { openPeer, type Peer, reset } from '../wire/peer.ts'
import { encodeStep, mayBeCut, type Step, stepsOf } from './frame-steps.ts'
import { answerMs, assertEnding, assertRefusal, startFuzzedGateway } from './gateway-target.ts'
import type { Surface } from './surface.ts'
import { bytes, clientText, jsonBody, upstreamText } from './values.ts'

type SidebandInput =
  | {
      readonly kind: 'request'
      readonly method: string
      readonly path: string
      readonly type: string
      readonly body: string
    }
  | {
      readonly kind: 'control'
      /** What the observer writes. */
      readonly steps: readonly Step[]
      /** What the call says meanwhile. */
      readonly events: readonly string[]
      readonly end:
        | 'observer resets'
        | 'observer closes'
        | 'call closes'
        | 'call is cut'
        | 'session is deleted'
    }

const [session, anySession] = ['/sideband/session/:mine', '/sideband/session/sideband_0123456789abcdef']

export const sideband: Surface<SidebandInput> = {
  name: 'sideband',
  batch: 12,
  inputs: fc.oneof(
    fc.record({
      kind: fc.constant('request' as const),
      method: fc.constantFrom('GET', 'POST', 'POST', 'POST', 'DELETE'),
      path: fc.oneof(
        fc.constantFrom(
          ...['/sideband/config', '/sideband/session', '/sideband/ephemeral-key', '/sideband/offer', session],
          ...[
            '/sideband/sessions',
            '/sideband/sessions?cursor=-1',
            anySession,
            '/v1/realtime/client_secrets',
          ],
          ...['/v1/realtime/calls', '/v1/realtime/calls?model=x', '/openai/v1/realtime/calls/rtc_abc/hangup'],
        ),
        fc.string({ unit: 'binary', maxLength: 30 }).map(id => `/sideband/session/${encodeURIComponent(id)}`),
      ),
      type: fc.constantFrom(
        'application/json',
        'application/sdp',
        'multipart/form-data; boundary=x',
        'text/plain',
        '',
      ),
      body: fc.oneof(
        { weight: 3, arbitrary: jsonBody },
        bytes(200),
        fc
          .tuple(jsonBody, jsonBody)
          .map(([sdp, instructions]) => JSON.stringify({ sdp, session_id: ':mine', instructions })),
        jsonBody.map(
          sdp =>
            `--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\n${sdp}\r\n--x\r\nContent-Disposition: form-data; name="session"\r\n\r\n${sdp}\r\n--x--\r\n`,
        ),
      ),
    }),
    fc.record({
      kind: fc.constant('control' as const),
      steps: stepsOf(clientText, true),
      events: fc.array(upstreamText, { maxLength: 6 }),
      end: fc.constantFrom(
        ...([
          'observer resets',
          'observer closes',
          'call closes',
          'call is cut',
          'session is deleted',
        ] as const),
      ),
    }),
  ),
  start: async t => {
    const calls = await callUpstream(t)
    const gateway = await startFuzzedGateway(t, { ...calls.env, LIMIT_STORED_ENTRIES_PER_OWNER: '100000' })
    const mine = await placeCall(gateway.url)
    const bystander = await openControl(gateway.port, mine)
    t.teardown(() => bystander.socket.destroy())
    const call = await within(calls.joined(), answerMs, 'the call is not joined')
    // One at a time: which call a join belongs to is told by their order alone.
    let before: Promise<unknown> = Promise.resolve()
    let told = 0
    const playOne = (input: SidebandInput) =>
      within(
        input.kind === 'request'
          ? playRequest(gateway.url, input, mine)
          : playControl(gateway.url, gateway.port, calls, input),
        answerMs,
        'somebody waits in vain',
      )
    return {
      play: input => {
        const played = before.then(() => playOne(input))
        before = played.catch(() => undefined)
        return played
      },
      check: async () => {
        told += 1
        const name = `bystander ${told} ${'x'.repeat(1000)}`
        call.send({ type: 'test.event', name })
        const heard = await within(
          bystander.first(({ payload }) => payload.includes(`"${name}"`)),
          answerMs,
          'the bystander hears nothing of its call',
        )
        if (heard === null)
          throw new Error(`the bystander was ended: ${JSON.stringify(await bystander.ended)}`)
        await gateway.check()
      },
      finish: gateway.finish,
    }
  },
}

async function openControl(port: number, sessionId: string): Promise<Peer> {
  const peer = await openPeer(port, `/sideband/control/${sessionId}`)
  if (peer === null || typeof peer === 'number') throw new Error(`a call cannot be controlled: ${peer}`)
  return peer
}

async function playRequest(
  url: string,
  { method, path, type, body }: Extract<SidebandInput, { kind: 'request' }>,
  mine: string,
): Promise<void> {
  // The bystander's own session is not ended, and looked at as often as anybody likes.
  const at = path.replace(':mine', method === 'DELETE' ? 'nobody' : mine)
  const response = await fetch(`${url}${at}`, {
    method,
    headers: { ...(type !== '' && { 'Content-Type': type }) },
    ...(method === 'POST' && { body: body.replaceAll(':mine', mine) }),
  })
  const answer = await response.text()
  if (response.status === 500) throw new Error(`${method} ${at} is answered with 500: ${answer}`)
  if (!response.ok && typeof JSON.parse(answer).detail !== 'string')
    throw new Error(`${method} ${at} is refused without a reason: ${answer}`)
}

async function playControl(
  url: string,
  port: number,
  calls: CallUpstream,
  { steps, events, end }: Extract<SidebandInput, { kind: 'control' }>,
): Promise<void> {
  const sessionId = await placeCall(url)
  const observer = await openPeer(port, `/sideband/control/${sessionId}`)
  if (observer === null) throw new Error('a legal upgrade was cut')
  const call = await calls.joined()
  if (typeof observer === 'number') return assertRefusal(observer)
  for (const step of steps) await observer.write(encodeStep(step, true))
  for (const event of events) if (call.socket.readyState === call.socket.OPEN) call.send(event)
  const mayCut = mayBeCut(steps)
  // The gateway joins again, and is told that the call is gone.
  calls.joinStatus = end === 'call closes' || end === 'call is cut' ? 404 : 101
  if (end === 'call closes') call.socket.close(1000)
  if (end === 'call is cut') call.socket.terminate()
  if (end === 'session is deleted') await fetch(`${url}/sideband/session/${sessionId}`, { method: 'DELETE' })
  if (end === 'observer resets') reset(observer.socket)
  if (end === 'observer closes') await observer.write(encodeFrame({ opcode: opcodes.close, isMasked: true }))
  if (mayCut) observer.socket.end()
  assertEnding(await observer.ended, mayCut || end === 'observer resets')
  observer.socket.destroy()
  // Else its control connection lasts, and would be one more at each input.
  await fetch(`${url}/sideband/session/${sessionId}`, { method: 'DELETE' })
  calls.joinStatus = 101
}
