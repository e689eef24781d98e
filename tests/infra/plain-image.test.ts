/** The plain image: a gateway without a simulator, started from the files that the Dockerfile copies. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { assistant, folderWith } from '../assistants/folders.ts'
import { ask, converse } from '../gateway/converse.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { layOutPlainImage, placesOf, plainManifests, readPackages } from './image-files.ts'

const ofTheDemo = ['opusscript', 'pino-pretty', 'selfsigned', 'werift']
const ofTracing = [
  ...[
    'api',
    'exporter-metrics-otlp-http',
    'exporter-trace-otlp-http',
    'resources',
    'sdk-metrics',
    'sdk-trace',
  ].map(name => `@opentelemetry/${name}`),
  '@azure/monitor-opentelemetry-exporter',
]
const ofThePages = ['rolldown', 'uplot', 'vite']

test("the plain image has none of the packages of simulator, pages and tests; the demo image has the simulator's", t => {
  const packages = readPackages()
  const [plain, demo] = [placesOf(packages, plainManifests), placesOf(packages, [...plainManifests, 'demo'])]
  t.true(plain.has('node_modules/uWebSockets.js') && plain.has('node_modules/@azure/identity'))
  for (const name of [...ofTheDemo, ...ofThePages, 'ava', '@pulumi/pulumi', 'node'])
    t.false(plain.has(`node_modules/${name}`), name)
  for (const name of ofTheDemo) t.true(demo.has(`node_modules/${name}`), name)
  for (const name of [...ofThePages, 'ava', 'node']) t.false(demo.has(`node_modules/${name}`), name)
})

test('both images have the packages of tracing, where the gateway finds them; a start has none but one', t => {
  const packages = readPackages()
  const start = placesOf(packages, ['', 'web', 'demo'])
  for (const manifests of [plainManifests, [...plainManifests, 'demo']])
    for (const name of ofTracing) t.true(placesOf(packages, manifests).has(`node_modules/${name}`), name)
  // The first is a dependency of prom-client too.
  for (const name of ofTracing.slice(1)) t.false(start.has(`node_modules/${name}`), name)
})

test('with tracing on and its packages absent it says how to get them, in one sentence, and ends', t => {
  const app = layOutPlainImage(t, [''])
  const { status, stdout } = spawnSync(process.execPath, [join(app, 'runtime/main.js')], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      OPENAI_API_KEY: 'any',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    },
    encoding: 'utf8',
    timeout: 60_000,
  })
  t.is(status, 1, stdout)
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { event: string; error: string }
  t.is(last.event, 'process.failed')
  t.is(
    last.error,
    'Tracing is on, but its packages are not installed: start with npm start, which installs them, or run node setup.mjs --omit=dev with the same environment; the images have them',
  )
})

for (const workers of ['1', '2'])
  test(`without an upstream it says what to set, in one sentence, and ends (${workers} processes)`, t => {
    const app = layOutPlainImage(t)
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(app, 'runtime/main.js')], {
      env: { PATH: process.env.PATH, PORT: '0', WORKERS: workers },
      encoding: 'utf8',
      timeout: 60_000,
    })
    t.is(status, 1, stderr)
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { event: string; error?: string })
    t.deepEqual(
      lines.map(({ event, error }) => ({ event, error })),
      [
        {
          event: 'process.failed',
          error:
            'No upstream: set AZURE_OPENAI_ENDPOINT or OPENAI_API_KEY, or build the image with --target demo, which has the simulator',
        },
      ],
    )
    t.is(stderr, '')
  })

test('where it cannot make a certificate, it says what to set, in one sentence, and ends', t => {
  const app = layOutPlainImage(t)
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(app, 'runtime/main.js'), '--tls'], {
    env: { PATH: process.env.PATH, PORT: '0', OPENAI_API_KEY: 'any' },
    encoding: 'utf8',
    timeout: 60_000,
  })
  t.is(status, 1)
  t.is(
    stderr,
    '--tls: No certificate can be made here, as the package selfsigned is not installed; set TLS_CERT_FILE and TLS_KEY_FILE\n',
  )
  t.is(stdout, '')
})

test('with an upstream it serves pages and holds a conversation', async t => {
  const simulator = await startSimulator({ rate: 200 })
  t.teardown(() => simulator.close())
  const app = layOutPlainImage(t)
  const env = { OPENAI_API_KEY: 'any', OPENAI_BASE_URL: `${simulator.url}/v1` }
  const { url, socketUrl } = await gatewayProcess(t, env, [], [], join(app, 'runtime/main.js'))
  t.is((await fetch(`${url}/readyz`)).status, 200)
  t.regex(await (await fetch(url)).text(), /<html/)
  const { text, bytes } = await ask(await converse(t, `${socketUrl}/chat`), 'Hello')
  t.true(text.length > 0 || bytes > 0)
})

test("files of assistants elsewhere have the tools' module, in the gateway's process too", async t => {
  const app = layOutPlainImage(t)
  const tool = `import { defineTool, z } from 'realtime-gateway/tools'
import { migrate } from '../migrate.ts'
export default defineTool({
  description: 'Counts', parameters: z.strictObject({}), run: () => typeof migrate })`
  const folder = folderWith(t, {
    ...assistant('cafe', 'state_version: 2\n'),
    'cafe/tools/count.ts': tool,
    'cafe/migrate.ts': `import { z } from 'realtime-gateway/tools'
export const migrate = (state: object) => ({ ...state, sku: z.literal('tea').value })
export default migrate`,
  })
  const env = { OPENAI_API_KEY: 'any', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1', ASSISTANTS_DIR: folder }
  const { url } = await gatewayProcess(t, env, [], [], join(app, 'runtime/main.js'))
  const { assistants } = (await (await fetch(`${url}/assistants`)).json()) as {
    assistants: { name: string }[]
  }
  t.deepEqual(
    assistants.map(({ name }) => name),
    ['cafe', 'default'],
  )
})
