/** The examples that are clients of one gateway, run as their readers run them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { useLocalCertificate } from '../../runtime/server/local-tls.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { freePort } from '../gateway/free-port.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gatewayFor } from '../gateway/start.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'
import { examples, runExample, startExample } from './example.ts'

const maxChatLines = 20

test('chat.js prints the answer to a question, in 20 lines', async t => {
  const { url } = await gatewayFor(t)
  const question = 'repeat after me: good morning'
  t.deepEqual(await runExample(t, 'chat.js', { GATEWAY_URL: url }, [question]), {
    code: 0,
    text: 'good morning',
  })
  const lines = readFileSync(join(examples, 'chat.js'), 'utf8').trimEnd().split('\n')
  t.true(lines.length <= maxChatLines, `${lines.length} lines`)
})

test('chat.js says so where there is no gateway', async t => {
  const url = `http://127.0.0.1:${await freePort()}`
  const { code, text } = await runExample(t, 'chat.js', { GATEWAY_URL: url })
  t.is(code, 1)
  t.true(text.includes(url), text)
})

/** A gateway that asks for a key, over TLS as official clients need it. */
async function securedGateway(t: ExecutionContext): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'examples-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const certificate: Record<string, string> = {}
  await useLocalCertificate(certificate, folder)
  const keys = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'reader:the-key-of-a-reader' }
  const { url } = await gatewayFor(t, { ...certificate, ...keys })
  return {
    GATEWAY_URL: url.replace('127.0.0.1', 'localhost'),
    NODE_EXTRA_CA_CERTS: certificate.TLS_CERT_FILE ?? '',
  }
}

const orderSettings = parseEnv(readFileSync(join(examples, 'order/gateway.env'), 'utf8')) as Record<
  string,
  string
>

const withKeys = { GATEWAY_API_KEYS: 'reader:the-key-of-a-reader' }
const key = { GATEWAY_KEY: 'the-key-of-a-reader' }

test('chat.js and order.js send GATEWAY_KEY, and end with 1 without it', async t => {
  const { url } = await gatewayFor(t, { ...orderSettings, ...withKeys })
  for (const example of ['chat.js', 'order/order.js']) {
    const { code, text } = await runExample(t, example, { GATEWAY_URL: url, ...key })
    t.is(code, 0, text)
    const refused = await runExample(t, example, { GATEWAY_URL: url })
    t.is(refused.code, 1)
    t.regex(refused.text, /GATEWAY_KEY/)
  }
})

test('resuming-chat.js sends GATEWAY_KEY', async t => {
  const { url } = await gatewayFor(t, withKeys)
  const chat = startExample(t, 'resuming-chat.js', { GATEWAY_URL: url, ...key })
  await chat.printed(/^\[open\]$/)
  chat.type('my name is Ada')
  await t.notThrowsAsync(chat.printed(/^< You said: my name is Ada$/))
})

test('openai-sdk.ts prints the answer to a question', async t => {
  const env = { ...(await securedGateway(t)), GATEWAY_KEY: 'the-key-of-a-reader' }
  const question = 'repeat after me: good morning'
  t.deepEqual(await runExample(t, 'openai-sdk.ts', env, [question]), { code: 0, text: 'good morning' })
})

test('openai-sdk.ts ends with 1 and the reason where the key is wrong', async t => {
  const env = { ...(await securedGateway(t)), GATEWAY_KEY: 'the-key-of-a-stranger' }
  const { code, text } = await runExample(t, 'openai-sdk.ts', env)
  t.is(code, 1)
  t.regex(text, /401/)
})

test('order.js prints an order as JSON that fits the schema', async t => {
  const { url } = await gatewayFor(t, orderSettings)
  const { code, text } = await runExample(t, 'order/order.js', { GATEWAY_URL: url })
  t.is(code, 0, text)
  t.deepEqual(JSON.parse(text), { items: [{ name: 'Flat white', size: 'medium', quantity: 2 }] })
})

for (const [what, words, reason] of [
  ['that is no JSON', 'one coffee, please', /The answer holds no order: /],
  [
    'that does not fit the schema',
    'repeat after me: {"items":[{"name":"tea"}]}',
    /no order: schema:\/items\/0$/,
  ],
] as const) {
  test(`order.js ends with 1 and the reason for an answer ${what}`, async t => {
    const { url } = await gatewayFor(t, orderSettings)
    const { code, text } = await runExample(t, 'order/order.js', { GATEWAY_URL: url }, [words])
    t.is(code, 1)
    t.regex(text, reason)
  })
}

test('resuming-chat.js goes on with the conversation after its server was restarted', async t => {
  const [redis, simulator] = [await redisServer(t), await startSimulator({ rate: 200 })]
  t.teardown(() => simulator.close())
  const settings = {
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    REDIS_URL: redis.url,
    PORT: String(await freePort()),
  }
  const first = await gatewayProcess(t, settings)
  const chat = startExample(t, 'resuming-chat.js', { GATEWAY_URL: first.url })
  await chat.printed(/^\[open\]$/)
  chat.type('my name is Ada')
  await chat.printed(/^< You said: my name is Ada$/)
  await untilStored(redis.url, ([only]) => only?.owed === false)
  first.child.kill('SIGTERM')
  await first.exited
  await chat.printed(/^\[away\]$/)
  await gatewayProcess(t, settings)
  await chat.printed(/^\[resumed\]$/)
  chat.type('what did I say')
  await chat.printed(/^< "my name is Ada"$/)
  chat.child.stdin?.end()
  t.is(await chat.exited, 0)
})
