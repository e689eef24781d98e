/** Azure Monitor's exporter as it ships, before an ingestion endpoint on loopback. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { makeCertificate } from '../../../runtime/core/self-signed.ts'
import { converse } from '../../gateway/converse.ts'
import { gatewayProcess } from '../../gateway/process.ts'
import { fakeUpstream, type Stage } from '../../gateway/start.ts'
import { patienceMs, until, within } from '../../gateway/within.ts'

interface Envelope {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly data: { readonly baseData: { readonly name: string; readonly properties: Record<string, string> } }
}

/** Takes telemetry as Azure does. @param answers false: it never does */
async function ingestion(t: Stage, answers = true) {
  const envelopes: Envelope[] = []
  // The exporter speaks TLS, whatever the address says.
  const { key: privateKey, cert } = await makeCertificate()
  const authority = join(mkdtempSync(join(tmpdir(), 'ingestion-')), 'cert.pem')
  writeFileSync(authority, cert)
  const server = createServer({ key: privateKey, cert }, async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    if (!answers) return
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
    const items: Envelope[] = text.startsWith('[')
      ? JSON.parse(text)
      : text
          .trim()
          .split('\n')
          .map(line => JSON.parse(line))
    envelopes.push(...items)
    const accepted = { itemsReceived: items.length, itemsAccepted: items.length, errors: [] }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(accepted))
  })
  // Whatever would go elsewhere comes here, and goes no further.
  server.on('connect', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as { port: number }).port}`
  const key = '11111111-1111-4111-8111-111111111111'
  const env = {
    APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${key};IngestionEndpoint=${url}/`,
    NODE_EXTRA_CA_CERTS: authority,
    HTTPS_PROXY: url,
    NO_PROXY: '127.0.0.1',
  }
  return { envelopes, env }
}

test('spans and metrics arrive as Azure Monitor takes them, without secrets or content', async t => {
  const [upstream, azure] = [await fakeUpstream(t), await ingestion(t)]
  const gateway = await gatewayProcess(t, { ...upstream.env, ...azure.env })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created', response: { id: 'resp_1' } })
  session.send({ type: 'response.output_audio_transcript.delta', response_id: 'resp_1', delta: 'MARKED' })
  session.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed' } })
  await talk.until('response.done')
  talk.socket.close(1000)
  await gateway.logged('session.ended')
  await until(
    () => azure.envelopes.some(({ data }) => data.baseData.name?.includes('realtime_session') === true),
    'the span of the session does not arrive',
  )
  gateway.child.kill('SIGTERM')
  t.is((await gateway.exited).code, 0)
  const named = (start: string) => azure.envelopes.filter(({ data }) => data.baseData.name?.includes(start))
  const [[request], [dial], [response]] = [
    named('realtime_session'),
    named('realtime_dial'),
    named('realtime_inference'),
  ]
  t.regex(request?.name ?? '', /Request$/)
  t.regex(response?.name ?? '', /RemoteDependency$/)
  t.is(response?.data.baseData.properties['gen_ai.response.id'], 'resp_1')
  for (const span of [dial, response]) {
    t.is(span?.tags['ai.operation.id'], request?.tags['ai.operation.id'])
    t.truthy(span?.tags['ai.operation.parentId'])
  }
  t.notRegex(JSON.stringify(azure.envelopes), /MARKED|a-test-key/)
})

test('an ingestion endpoint that never answers holds up no session and no end of the process', async t => {
  const [upstream, azure] = [await fakeUpstream(t), await ingestion(t, false)]
  const gateway = await gatewayProcess(t, { ...upstream.env, ...azure.env })
  for (let talks = 0; talks < 5; talks += 1) {
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    const session = await upstream.session()
    session.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed' } })
    await talk.until('response.done')
    talk.socket.close(1000)
  }
  gateway.child.kill('SIGTERM')
  t.is((await within(gateway.exited, patienceMs, 'the process does not end')).code, 0)
})
