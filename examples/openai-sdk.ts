/** The official OpenAI SDK for TypeScript, through the gateway: its base URL is all that changes. */
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'

const question = process.argv[2] ?? 'count to five'
const client = new OpenAI({
  baseURL: `${process.env.GATEWAY_URL ?? 'https://localhost:8080'}/v1`,
  // A credential of the gateway, where GATEWAY_AUTH asks for one; never the vendor's key.
  apiKey: process.env.GATEWAY_KEY ?? 'unused',
})
const session = new OpenAIRealtimeWS({ model: 'gpt-realtime-2.1' }, client)

session.on('session.created', () => {
  session.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
  session.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: question }] },
  })
  session.send({ type: 'response.create' })
})
session.on('response.output_text.delta', ({ delta }) => process.stdout.write(delta))
session.on('response.done', () => session.close())
session.on('error', ({ message }) => {
  console.error(message)
  process.exit(1)
})
