// Answers telephone calls with a webhook of its own: decides on each call by the OpenAI SDK, greets the caller, and
// hangs up when the caller presses 1. The gateway stands between this program and the vendor.
import { createServer } from 'node:http'
import OpenAI from 'openai'
import { WebSocket } from 'ws'

const gateway = process.env.GATEWAY_URL ?? 'http://127.0.0.1:8080'
const apiKey = process.env.GATEWAY_KEY ?? 'unused'
const webhookSecret = process.env.OPENAI_WEBHOOK_SECRET
const port = Number(process.env.PORT ?? 3000)

const maxWebhookBytes = 64 * 1024
const joinAttempts = 20
const joinPauseMs = 250

const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey, webhookSecret })

const server = createServer(async (request, response) => {
  const event = await readWebhook(request).catch(fault => console.error(`webhook refused: ${fault.message}`))
  response.writeHead(event === undefined ? 400 : 200).end()
  if (event?.type === 'realtime.call.incoming') await answer(event.data).catch(report)
})
server.listen(port, '127.0.0.1', () => console.log(`webhook at http://127.0.0.1:${server.address().port}/`))

/** Reads a webhook. Throws unless the vendor signed it. */
async function readWebhook(request) {
  let body = ''
  for await (const chunk of request) {
    body += chunk
    if (body.length > maxWebhookBytes) throw new Error(`longer than ${maxWebhookBytes} bytes`)
  }
  return client.webhooks.unwrap(body, request.headers)
}

async function answer({ call_id, sip_headers }) {
  const caller = sip_headers.find(({ name }) => name === 'From')?.value
  console.log(`call from ${caller}`)
  // `reject` and `refer` are the other two decisions.
  await client.realtime.calls.accept(call_id, {
    type: 'realtime',
    instructions: 'You are the reception of a small hotel. Be brief.',
  })
  const call = await join(call_id)
  call.on('message', data => {
    const { type, transcript, event: key } = JSON.parse(data)
    if (type === 'response.output_audio_transcript.done') console.log(`model: ${transcript}`)
    if (type === 'input_audio_buffer.dtmf_event_received') {
      console.log(`the caller pressed ${key}`)
      if (key === '1') client.realtime.calls.hangup(call_id).catch(report)
    }
  })
  call.on('error', report)
  call.on('close', () => console.log('the call is over'))
  const greeting = { instructions: 'Greet the caller and ask how you can help.' }
  call.send(JSON.stringify({ type: 'response.create', response: greeting }))
}

/** Joins a call that was accepted. The vendor may need a moment until it can be joined. */
async function join(callId) {
  for (let attempt = 1; ; attempt++) {
    const call = new WebSocket(`${gateway.replace('http', 'ws')}/v1/realtime?call_id=${callId}`, {
      headers: { Authorization: `Bearer ${apiKey}` },
    })
    const fault = await new Promise(resolve => call.once('open', () => resolve(null)).once('error', resolve))
    if (fault === null) return call
    if (attempt === joinAttempts) throw fault
    await new Promise(resolve => setTimeout(resolve, joinPauseMs))
  }
}

function report(fault) {
  console.error(fault.message)
}
