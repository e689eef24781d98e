/** What openai's official client does around a WebRTC call: the same at the simulator and through the gateway. */
import { Agent, request } from 'node:https'
import type { TestFn } from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { openPeer, type Peer } from '../calls/caller.ts'
import type { Place } from './openai-talks.ts'

const brief = { type: 'realtime' as const, instructions: 'Always begin with "Aye."' }

/** Node's own fetch takes no certificate. */
function fetchTrusting(ca: string): typeof fetch {
  const agent = new Agent({ ca })
  return async (address, init) => {
    // Lets the platform write the body, a form for example, and name its type.
    const asked = new Request(address as string, init)
    const body = Buffer.from(await asked.arrayBuffer())
    const headers = Object.fromEntries(asked.headers)
    return new Promise((resolve, reject) => {
      const sent = request(asked.url, { agent, method: asked.method, headers }, async reply => {
        const answer = Buffer.concat(await reply.toArray())
        resolve(
          new Response(answer, {
            status: reply.statusCode ?? 500,
            headers: reply.headers as Record<string, string>,
          }),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

function clientOf({ url, cert }: Place, base: string, apiKey = 'sk-1'): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${url}${base}`, fetch: fetchTrusting(cert), maxRetries: 0 })
}

async function answered(peer: Peer, text: string): Promise<string> {
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
  peer.send({ type: 'conversation.item.create', item })
  peer.send({ type: 'response.create' })
  return String((await peer.until('response.output_audio_transcript.done')).at(-1)?.transcript)
}

const callIdIn = (reply: Response) => reply.headers.get('location')?.split('/').pop() ?? ''

/**
 * Declares the conversations.
 *
 * @param where ends the titles
 */
export function callAsOpenAi(test: TestFn, where: string, place: () => Promise<Place>): void {
  for (const base of ['/v1', '/openai/v1']) {
    test(`openai's client mints a key, calls with it, joins the call and hangs it up ${where}: ${base}`, async t => {
      const { cert: ca, model } = await place()
      const backend = clientOf(await place(), base)
      const session = { ...brief, model }
      const { value } = await backend.realtime.clientSecrets.create({ session })
      t.true(value.startsWith('ek_'))
      const peer = await openPeer(t)
      const page = clientOf(await place(), base, value)
      const reply = await page.realtime.calls.create({ sdp: peer.sdp })
      await peer.connect(await reply.text())
      t.is(await answered(peer, 'hello'), 'Aye. You said: hello')

      const callID = callIdIn(reply)
      const joined = new OpenAIRealtimeWS({ callID, options: { ca } }, backend)
      const updated = new Promise(resolve => joined.on('session.updated', resolve))
      const left = new Promise(resolve => joined.socket.on('close', resolve))
      await new Promise(resolve => joined.socket.on('open', resolve))
      joined.send({
        type: 'session.update',
        session: { type: 'realtime', instructions: 'Always begin with "No."' },
      })
      await updated
      t.is(await answered(peer, 'hello again'), 'No. You said: hello again')
      await backend.realtime.calls.hangup(callID)
      await Promise.all([peer.closed, left])
      await t.throwsAsync(backend.realtime.calls.hangup(callID), { instanceOf: OpenAI.NotFoundError })
    })
  }

  test(`openai's client calls with a form, its session in it ${where}`, async t => {
    const client = clientOf(await place(), '/v1')
    const peer = await openPeer(t)
    const { model } = await place()
    const reply = await client.realtime.calls.create({ sdp: peer.sdp, session: { ...brief, model } })
    await peer.connect(await reply.text())
    t.is(await answered(peer, 'hello'), 'Aye. You said: hello')
    await client.realtime.calls.hangup(callIdIn(reply))
    await peer.closed
  })
}
