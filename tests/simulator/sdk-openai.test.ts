import test from 'ava'
import OpenAI from 'openai'
import { makeCertificate } from '../../runtime/simulator/certificate.ts'
import { talkAsOpenAi } from './openai-talks.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
const certificate = makeCertificate()
const starting = certificate.then(tls => stage.simulator({ seed: 11, rate: 100, tls }))

talkAsOpenAi(test, 'at the simulator', async () => {
  const { url } = await starting
  const { cert } = await certificate
  return { url, cert, model: 'gpt-realtime' }
})

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
