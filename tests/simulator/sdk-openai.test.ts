import test from 'ava'
import OpenAI, { AzureOpenAI } from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime'
import { makeCertificate } from '../../runtime/simulator/certificate.ts'
import { silence, tone, weatherTool } from './events.ts'
import { createStage, expectShape } from './stage.ts'

const stage = createStage(test)
const certificate = makeCertificate()
const starting = certificate.then(tls => stage.simulator({ seed: 11, rate: 100, tls }))

interface Talk {
  rt: OpenAIRealtimeWS
  next<T extends RealtimeServerEvent['type']>(type: T): Promise<Extract<RealtimeServerEvent, { type: T }>>
  errors: string[]
}

/** The official client, with a way to await its events. */
async function talk(azure = false): Promise<Talk> {
  const { url } = await starting
  const { cert } = await certificate
  const client = azure
    ? new AzureOpenAI({ apiKey: 'k', endpoint: url, apiVersion: '2025-08-28', deployment: 'my-deployment' })
    : new OpenAI({ apiKey: 'sk-1', baseURL: `${url}/v1` })
  const options = { ca: cert }
  const rt = azure
    ? await OpenAIRealtimeWS.azure(client as AzureOpenAI, { deploymentName: 'my-deployment', options })
    : new OpenAIRealtimeWS({ model: 'gpt-realtime', options }, client)
  const errors: string[] = []
  rt.on('error', problem => errors.push(problem.error?.code ?? problem.message))
  const held: RealtimeServerEvent[] = []
  let wake = () => {}
  rt.on('event', event => {
    expectShape(event as never)
    held.push(event)
    wake()
  })
  const next: Talk['next'] = async type => {
    for (;;) {
      const event = held.shift()
      if (event?.type === type) return event as never
      if (event !== undefined) continue
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return { rt, next, errors }
}

const words = (text: string) => ({
  type: 'conversation.item.create' as const,
  item: { type: 'message' as const, role: 'user' as const, content: [{ type: 'input_text' as const, text }] },
})

for (const azure of [false, true]) {
  const who = azure ? "openai's Azure client" : "openai's client"

  test(`${who} holds a text conversation, calls a function, and hears of errors`, async t => {
    const { rt, next, errors } = await talk(azure)
    await next('session.created')
    rt.send({
      type: 'session.update',
      session: { type: 'realtime', output_modalities: ['text'], tools: [weatherTool as never] },
    })
    await next('session.updated')
    rt.send(words('hello there'))
    rt.send({ type: 'response.create' })
    t.is((await next('response.output_text.done')).text, 'You said: hello there')
    await next('response.done')
    rt.send(words('weather in Oslo'))
    rt.send({ type: 'response.create' })
    const call = await next('response.function_call_arguments.done')
    t.deepEqual(JSON.parse(call.arguments), { city: 'Oslo' })
    await next('response.done')
    const output = { type: 'function_call_output' as const, call_id: call.call_id, output: 'snow' }
    rt.send({ type: 'conversation.item.create', item: output })
    rt.send({ type: 'response.create' })
    t.is((await next('response.output_text.done')).text, 'The tool answered: snow')
    await next('response.done')
    rt.send({ type: 'response.cancel' })
    await next('error')
    t.deepEqual(errors, ['response_cancel_not_active'])
    rt.close()
  })

  test(`${who} speaks and is spoken to, and is interrupted`, async t => {
    const { rt, next } = await talk(azure)
    await next('session.created')
    rt.send({
      type: 'input_audio_buffer.append',
      audio: Buffer.concat([tone(800), silence(600)]).toString('base64'),
    })
    await next('input_audio_buffer.speech_stopped')
    t.true((await next('response.output_audio.delta')).delta.length > 1000)
    t.true((await next('response.output_audio_transcript.done')).transcript.startsWith('I heard you'))
    await next('response.done')
    rt.send(words('count to 500'))
    rt.send({ type: 'response.create' })
    await next('response.output_audio.delta')
    rt.send({ type: 'input_audio_buffer.append', audio: tone(400).toString('base64') })
    const { response } = await next('response.done')
    t.is(response.status, 'cancelled')
    t.is(response.status_details?.reason, 'turn_detected')
    rt.close()
  })
}

test("openai's client mints a client secret", async t => {
  const { url } = await starting
  const { cert } = await certificate
  const { Agent, request } = await import('node:https')
  const agent = new Agent({ ca: cert })
  const client = new OpenAI({
    apiKey: 'sk-1',
    baseURL: `${url}/v1`,
    fetch: (address, init) =>
      new Promise((resolve, reject) => {
        const headers = Object.fromEntries(new Headers(init?.headers))
        const sent = request(String(address), { agent, method: init?.method ?? 'GET', headers }, reply => {
          const parts: Buffer[] = []
          reply.on('data', part => parts.push(part))
          reply.on('end', () =>
            resolve(
              new Response(Buffer.concat(parts), {
                status: reply.statusCode ?? 500,
                headers: { 'content-type': 'application/json' },
              }),
            ),
          )
        })
        sent.on('error', reject)
        sent.end(init?.body as string)
      }),
  })
  const secret = await client.realtime.clientSecrets.create({
    session: { type: 'realtime', model: 'gpt-realtime' },
  })
  t.true(secret.value.startsWith('ek_'))
  t.is(secret.session.type, 'realtime')
})
