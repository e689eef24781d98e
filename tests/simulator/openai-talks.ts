/** What openai's official client says and hears: the same conversations at the simulator and through the gateway. */
import type { ExecutionContext, TestFn } from 'ava'
import OpenAI, { AzureOpenAI } from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime'
import { patienceMs, within } from '../gateway/within.ts'
import { silence, tone, weatherTool } from './events.ts'
import { expectShape } from './stage.ts'

/** Where the client is pointed at: its base URL is all that changes. */
export interface Place {
  /** `https://HOST:PORT`, without a path. */
  url: string
  /** Certificate that the place is trusted by (PEM). */
  cert: string
  /** Model or deployment to ask for. */
  model: string
}

interface Talk {
  rt: OpenAIRealtimeWS
  next<T extends RealtimeServerEvent['type']>(type: T): Promise<Extract<RealtimeServerEvent, { type: T }>>
  errors: string[]
}

/** The official client, with a way to await its events. */
async function talk({ url, cert, model }: Place, azure: boolean): Promise<Talk> {
  const client = azure
    ? new AzureOpenAI({ apiKey: 'k', endpoint: url, apiVersion: '2025-08-28', deployment: model })
    : new OpenAI({ apiKey: 'sk-1', baseURL: `${url}/v1` })
  const options = { ca: cert }
  const rt = azure
    ? await OpenAIRealtimeWS.azure(client as AzureOpenAI, { deploymentName: model, options })
    : new OpenAIRealtimeWS({ model, options }, client)
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
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      await within(promise, patienceMs, `no ${type} comes`)
    }
  }
  return { rt, next, errors }
}

const words = (text: string) => ({
  type: 'conversation.item.create' as const,
  item: { type: 'message' as const, role: 'user' as const, content: [{ type: 'input_text' as const, text }] },
})

async function talkInWords(t: ExecutionContext, { rt, next, errors }: Talk): Promise<void> {
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
}

async function talkAloud(t: ExecutionContext, { rt, next }: Talk): Promise<void> {
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
}

/**
 * Declares the conversations, of the OpenAI client and of the Azure client.
 *
 * @param where ends the titles
 */
export function talkAsOpenAi(test: TestFn, where: string, place: () => Promise<Place>): void {
  for (const azure of [false, true]) {
    const who = azure ? "openai's Azure client" : "openai's client"
    test(`${who} holds a text conversation, calls a function, and hears of errors ${where}`, async t => {
      await talkInWords(t, await talk(await place(), azure))
    })
    test(`${who} speaks and is spoken to, and is interrupted ${where}`, async t => {
      await talkAloud(t, await talk(await place(), azure))
    })
  }
}
