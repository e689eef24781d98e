import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { gatewayProcess } from '../gateway/process.ts'
import { readText } from './azure.ts'

const [blue, green] = ['app--rblue', 'app--rgreen']

/** Runs the smoke test as the job does: by `--eval`, knowing nothing but its environment. */
async function smoke(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', readText('.github/scripts/smoke.mjs')],
    { env },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  return new Promise(resolve => child.on('close', code => resolve({ code, output })))
}

const startGateway = (t: ExecutionContext, env: Record<string, string> = {}) =>
  gatewayProcess(t, { CONTAINER_APP_REVISION: green, ...env })

test('the smoke test holds a conversation with a gateway that works', async t => {
  const { url } = await startGateway(t)
  const { code, output } = await smoke({ SMOKE_URL: url, SMOKE_REVISION: green })
  t.is(code, 0, output)
  t.true(output.includes('smoke.passed'))
})

test('the smoke test fails when another revision answers', async t => {
  const { url } = await startGateway(t)
  const { code, output } = await smoke({ SMOKE_URL: url, SMOKE_REVISION: blue })
  t.is(code, 1)
  t.true(output.includes(`${green} answered in place of ${blue}`))
})

test('the smoke test tells why a revision did not become ready', async t => {
  const unready = createServer((_, response) => {
    response.writeHead(503).end('{"status":"unready","reason":"the store is out of reach"}')
  }).listen(0, '127.0.0.1')
  await once(unready, 'listening')
  t.teardown(() => {
    unready.closeAllConnections()
    unready.close()
  })
  const url = `http://127.0.0.1:${(unready.address() as AddressInfo).port}`
  const { code, output } = await smoke({
    SMOKE_URL: url,
    SMOKE_REVISION: green,
    SMOKE_DEADLINE_MS: '6000',
  })
  t.is(code, 1)
  t.regex(output, /"smoke\.failed".*503 the store is out of reach/)
})
