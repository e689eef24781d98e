// Serves page.html, and mints the ephemeral key with which the page calls the model over WebRTC.
// This server alone knows a credential of the gateway.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'

const gateway = process.env.GATEWAY_URL ?? 'http://127.0.0.1:8080'
const port = Number(process.env.PORT ?? 3000)
const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: process.env.GATEWAY_KEY ?? 'unused' })

const sdk = fileURLToPath(
  new URL('bundle/openai-realtime-agents.umd.js', import.meta.resolve('@openai/agents-realtime')),
)
const page = fileURLToPath(new URL('page.html', import.meta.url))

const server = createServer(async ({ method, url }, response) => {
  const send = (status, type, body) => response.writeHead(status, { 'Content-Type': type }).end(body)
  try {
    if (method === 'GET' && url === '/') send(200, 'text/html', await readFile(page))
    else if (method === 'GET' && url === '/sdk.js') send(200, 'text/javascript', await readFile(sdk))
    // Ask who this is first, as your application does: the key costs you money.
    else if (method === 'POST' && url === '/key') send(200, 'application/json', await mintKey())
    else send(404, 'text/plain', 'Not found')
  } catch (fault) {
    send(502, 'application/json', JSON.stringify({ detail: fault.message }))
  }
})
server.listen(port, '127.0.0.1', () => console.log(`page at http://localhost:${server.address().port}/`))

async function mintKey() {
  const { value } = await client.realtime.clientSecrets.create({ session: { type: 'realtime' } })
  return JSON.stringify({ key: value, callsUrl: `${gateway}/v1/realtime/calls` })
}
