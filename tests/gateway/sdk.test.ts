/** The official OpenAI client, unchanged but for its base URL, through the gateway. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import type { RealtimeClientEvent, RealtimeServerEvent } from 'openai/resources/realtime/realtime'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { gatewayFor, mailbox } from './start.ts'

/** A gateway that speaks TLS: the client dials `wss:` only. */
async function secureGateway(t: ExecutionContext) {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-sdk-'))
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  return gatewayFor(t, files)
}

function connectSdk(t: ExecutionContext, baseURL: string) {
  const client = new OpenAI({ apiKey: 'sk-anything', baseURL })
  const realtime = new OpenAIRealtimeWS(
    { model: 'gpt-realtime', options: { rejectUnauthorized: false } },
    client,
  )
  t.teardown(() => realtime.close())
  const events = mailbox<RealtimeServerEvent>('the client gets no event')
  realtime.on('event', event => events.put(event))
  realtime.on('error', fault =>
    events.put({
      type: 'error',
      event_id: '',
      error: fault.error ?? { message: fault.message, type: 'client' },
    } as RealtimeServerEvent),
  )
  const send = (event: RealtimeClientEvent) => realtime.send(event)
  const until = async (type: RealtimeServerEvent['type']) => {
    const seen: RealtimeServerEvent[] = []
    do seen.push(await events.take())
    while (seen.at(-1)?.type !== type)
    return seen
  }
  return { send, until }
}

function userSays(text: string): RealtimeClientEvent {
  return {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  }
}

function textOf(events: RealtimeServerEvent[]): string {
  return events.map(event => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')
}

for (const path of ['/v1', '/openai/v1']) {
  test(`openai holds a conversation at ${path}: a turn in text, then a turn in audio`, async t => {
    const gateway = await secureGateway(t)
    const sdk = connectSdk(t, `${gateway.url}${path}`)
    await sdk.until('session.created')

    sdk.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
    await sdk.until('session.updated')
    sdk.send(userSays('hello from the SDK'))
    sdk.send({ type: 'response.create' })
    const written = await sdk.until('response.done')
    t.is(textOf(written), 'You said: hello from the SDK')
    t.false(written.some(({ type }) => type === 'error'))

    sdk.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['audio'] } })
    sdk.send(userSays('what did I say'))
    sdk.send({ type: 'response.create' })
    const spoken = await sdk.until('response.done')
    const audio = spoken.map(event =>
      event.type === 'response.output_audio.delta' ? Buffer.from(event.delta, 'base64') : Buffer.alloc(0),
    )
    const transcript = spoken.find(event => event.type === 'response.output_audio_transcript.done')
    t.true(Buffer.concat(audio).length > 24_000)
    t.regex(
      transcript?.type === 'response.output_audio_transcript.done' ? transcript.transcript : '',
      /hello from the SDK/,
    )
  })
}

test('an event that upstream refuses reaches the SDK as its error, and the session goes on', async t => {
  const gateway = await secureGateway(t)
  const sdk = connectSdk(t, `${gateway.url}/v1`)
  await sdk.until('session.created')
  sdk.send({ type: 'response.cancel' })
  const refused = (await sdk.until('error')).at(-1)
  t.is(refused?.type === 'error' ? refused.error.code : null, 'response_cancel_not_active')
  sdk.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
  await sdk.until('session.updated')
})
