/** The process of a conversation is ended on purpose: who may do that, and what becomes of the conversation. */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { type GatewayProcess, gatewayProcess } from '../gateway/process.ts'
import { severalWorkers } from './several.ts'

const connectionName = () => randomBytes(16).toString('hex')

/** Asks with headers that `fetch` would not let a program set. */
function ask(
  gateway: GatewayProcess,
  method: 'GET' | 'POST',
  connection: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: { pid?: number; detail?: string } }> {
  const { host } = new URL(gateway.url)
  const origin = method === 'POST' ? { Origin: `http://${host}` } : {}
  return new Promise((resolve, reject) => {
    const url = `${gateway.url}/simulator/process?connection=${connection}`
    request(url, { method, headers: { ...origin, ...headers } }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString() || '{}'),
        }),
      )
    })
      .on('error', reject)
      .end()
  })
}

test.serial('a conversation goes on in another process when its own is ended in mid-answer', async t => {
  // Twice as fast as it is spoken: the answer is not complete before its process is ended.
  const several = await severalWorkers(t, 2, { SIMULATOR_RATE: '2' })
  const name = connectionName()
  const talk = await converse(t, `${several.socketUrl}/chat?resume=&connection=${name}`)
  talk.send({ text: 'count to 60' })
  const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
  await talk.until('transcript-delta')
  const { status, body } = await ask(several, 'POST', name)
  t.is(status, 200)
  const worker = [1, 2].find(number => several.pidOf(number) === body.pid)
  t.truthy(worker)
  t.is((await talk.closed).code, 1006)
  const next = connectionName()
  const going = await converse(t, `${several.socketUrl}/chat?resume=${ticket}&connection=${next}`)
  going.send({ type: 'heartbeat' })
  t.true((await going.until('session.resumed')).at(-1)?.answer_due)
  const transcript = (await going.until('status', ({ message }) => message === 'Model ready'))
    .filter(({ type }) => type === 'transcript-delta')
    .map(({ value }) => value)
    .join('')
  t.regex(transcript, /sixty$/)
  const now = await ask(several, 'GET', next)
  t.not(now.body.pid, body.pid)
  await several.replaced(Number(worker), Number(body.pid))
})

test.serial('only a page of this machine may ask, by POST from its own origin', async t => {
  const several = await severalWorkers(t, 2)
  const name = connectionName()
  await converse(t, `${several.socketUrl}/chat?resume=&connection=${name}`)
  const { host, port } = new URL(several.url)
  const pids = [1, 2].map(several.pidOf)
  for (const headers of [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: '' },
    { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'X-Forwarded-For': '203.0.113.7' },
  ] as Record<string, string>[])
    t.is((await ask(several, 'POST', name, headers)).status, 403, JSON.stringify(headers))
  t.is((await ask(several, 'GET', name, { 'Sec-Fetch-Site': 'cross-site' })).status, 403)
  t.is((await ask(several, 'POST', 'short')).status, 400)
  t.is((await ask(several, 'POST', connectionName())).status, 404)
  t.is((await ask(several, 'GET', name, { Host: host })).status, 200)
  t.deepEqual([1, 2].map(several.pidOf), pids)
})

test.serial('a process that is alone, or before a real model, has no such address', async t => {
  const alone = await gatewayProcess(t, {})
  t.is((await ask(alone, 'POST', connectionName())).status, 404)
  const real = await severalWorkers(t, 2, {
    OPENAI_API_KEY: 'k',
    OPENAI_BASE_URL: 'http://127.0.0.1:9',
  })
  t.is((await ask(real, 'POST', connectionName())).status, 404)
})
