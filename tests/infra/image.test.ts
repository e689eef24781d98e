import { once } from 'node:events'
import { globSync } from 'node:fs'
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { exchangeToken } from '../../infra/image.ts'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { startChild, startMs } from '../gateway/child.ts'
import { listen } from '../gateway/http-server.ts'
import { startCommand } from '../gateway/start-command.ts'
import { within } from '../gateway/within.ts'
import { readText } from './azure.ts'
import { imageOf, stageNamed, stagesOf, valuesOf } from './dockerfile.ts'

const dockerfile = readText('Dockerfile')
const stages = stagesOf(dockerfile)
const plain = imageOf(stages)
const demo = imageOf(stages, 'demo')

test('every stage stands on one slim glibc base of Node 22, pinned by digest where Dependabot sees it', t => {
  const { node } = JSON.parse(readText('package.json')).devDependencies as { node: string }
  t.regex(
    dockerfile,
    new RegExp(`^FROM node:${node.replaceAll('.', '\\.')}-bookworm-slim@sha256:[0-9a-f]{64} AS base$`, 'm'),
  )
  t.true(stages.length >= 4)
  const [, base = ''] = /^FROM (node:\S+) AS base$/m.exec(dockerfile) ?? []
  for (const stage of stages.slice(1)) {
    const from = (stage[0]?.rest ?? '').replace(`--platform=$BUILDPLATFORM ${base}`, 'base')
    t.regex(from, /^(base|build|frame|code)( AS [\w-]+)?$/)
  }
})

test('pages and code, which are the same for every platform, are built on that of the machine that builds', t => {
  const platforms = stages.map(stage => stage[0]?.rest ?? '').filter(rest => rest.includes('--platform'))
  t.is(platforms.length, 1)
  t.regex(platforms[0] ?? '', /^--platform=\$BUILDPLATFORM .* AS build$/)
  for (const name of ['pages', 'code']) t.is(stageNamed(stages, name)[0]?.rest, `build AS ${name}`)
})

for (const [name, image] of Object.entries({ plain, demo })) {
  test(`${name}: node is process 1, as npm starts it, in exec form, and no shell is needed at run time`, t => {
    const { env, args } = startCommand()
    const program = ['node', ...args.map(word => word.replace(/\.ts$/, '.js'))]
    t.deepEqual(JSON.parse(valuesOf(image, 'ENTRYPOINT')[0] ?? ''), program)
    const variables = Object.entries(env).map(([variable, value]) => `${variable}=${value}`)
    t.true(variables.length > 0)
    t.true(valuesOf(image, 'ENV').includes(variables.join(' ')), 'the allocator is set as npm start sets it')
    const [, health = ''] = (valuesOf(image, 'HEALTHCHECK')[0] ?? '').split(' CMD ')
    const command = JSON.parse(health) as string[]
    t.is(command[0], 'node')
    t.true(command.join(' ').includes('/healthz'))
    t.deepEqual(valuesOf(image, 'CMD'), [])
    t.deepEqual(valuesOf(image, 'RUN'), [])
  })

  test(`${name}: its health is asked for over what the port serves, TLS or not`, async t => {
    const [, health = ''] = (valuesOf(image, 'HEALTHCHECK')[0] ?? '').split(' CMD ')
    const [, ...args] = JSON.parse(health) as string[]
    const { cert, key } = await makeCertificate()
    const serve = (status: number) => (_: IncomingMessage, response: ServerResponse) =>
      response.writeHead(status).end('{"status":"ok"}')
    const ask = async (server: Server, env: Record<string, string>) => {
      const child = startChild(t, process.execPath, args, {
        env: { PORT: String(await listen(t, server)), ...env },
      })
      const [code] = await within(once(child, 'exit'), startMs, 'the check did not end')
      return code
    }
    const tls = { TLS_CERT_FILE: '/tls/cert.pem', TLS_KEY_FILE: '/tls/key.pem' }
    t.is(await ask(http.createServer(serve(200)), {}), 0)
    t.is(await ask(https.createServer({ cert, key }, serve(200)), tls), 0)
    t.is(await ask(https.createServer({ cert, key }, serve(503)), tls), 1)
    t.is(await ask(http.createServer(serve(503)), {}), 1)
  })

  test(`${name}: the process is nobody special, and owns none of the files it runs`, t => {
    t.deepEqual(valuesOf(image, 'USER'), ['node'])
    for (const copy of valuesOf(image, 'COPY')) t.notRegex(copy, /--chown/)
  })
}

const runOf = (name: string) => valuesOf(stageNamed(stages, name), 'RUN').join(' && ')

test('the image takes built pages, assistants, production packages and their list, the runtime without the simulator, and nothing else', t => {
  t.deepEqual(valuesOf(plain, 'COPY'), [
    '--from=pages /app/web/dist web/dist',
    '--from=assistants /app/assistants assistants',
    '--from=code /app/package.json ./',
    'LICENSE ./',
    '--from=packages /app/node_modules node_modules',
    '--from=packages /app/sbom.cdx.json ./',
    '--from=plain-code /app/runtime runtime',
  ])
  t.is(runOf('code'), 'node --no-warnings image/bundle-runtime.ts .')
  t.is(runOf('plain-code'), 'rm -r runtime/simulator')
  const install = runOf('packages')
  t.regex(install, /npm ci --omit=dev --workspace=tracing --include-workspace-root /)
  t.regex(install, /require\('uWebSockets\.js'\)/, 'a missing native module must fail the build')
  t.regex(
    install,
    /&& npm pkg delete devDependencies && npm pkg set --json 'workspaces=\["tracing"\]' +&& npm sbom --sbom-format=cyclonedx > sbom\.cdx\.json$/,
  )
})

test('the demo image has the packages of the demo too, and the whole runtime', t => {
  t.deepEqual(valuesOf(demo, 'COPY'), [
    '--from=pages /app/web/dist web/dist',
    '--from=assistants /app/assistants assistants',
    '--from=code /app/package.json ./',
    'LICENSE ./',
    '--from=demo-packages /app/node_modules node_modules',
    '--from=demo-packages /app/sbom.cdx.json ./',
    '--from=code /app/runtime runtime',
  ])
  const install = runOf('demo-packages')
  t.regex(install, /npm ci --omit=dev --workspace=demo --workspace=tracing --include-workspace-root /)
  t.regex(install, /require\('uWebSockets\.js'\)/)
})

test('assistants are baked in, with the packages that they have', t => {
  t.deepEqual(valuesOf(stageNamed(stages, 'assistants'), 'COPY'), ['assistants assistants'])
  const install = runOf('assistants')
  t.regex(install, /if \[ -f assistants\/package\.json \]; then npm ci --prefix assistants --omit=dev/)
  t.regex(readText('.dockerignore'), /^!assistants$/m)
})

test('the image says what it is', t => {
  for (const label of ['title', 'description', 'licenses', 'base.name']) {
    t.true(
      valuesOf(plain, 'LABEL').some(labels => labels.includes(`org.opencontainers.image.${label}=`)),
      label,
    )
  }
  const [, base] = /^FROM (\S+)@/m.exec(dockerfile) ?? []
  t.true(dockerfile.includes(`image.base.name="docker.io/library/${base}"`))
})

test('the build sees only what the image is made of, and that exists', t => {
  const lines = readText('.dockerignore')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  t.is(lines[0], '*')
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const admitted = lines.filter(line => line.startsWith('!')).map(line => line.slice(1))
  for (const path of admitted) t.is(globSync(path, { cwd: root }).length, 1, path)
  const wanted = stages.flatMap(stage => valuesOf(stage, 'COPY')).filter(copy => !copy.startsWith('--from'))
  for (const path of wanted.flatMap(copy => copy.split(' ').slice(0, -1)))
    t.true(
      admitted.some(entry => path === entry || path.startsWith(`${entry}/`)),
      path,
    )
  for (const secret of ['.env', '.tls', '.git', 'Pulumi.dev.yaml']) t.false(admitted.includes(secret), secret)
})

const server = 'gptrtdev000000.azurecr.io'
const asked = (answers: (Response | Error)[]) => {
  const calls: { url: string; body: string }[] = []
  const waits: number[] = []
  const exchange = {
    fetch: async (url: string | URL | Request, init?: RequestInit) => {
      calls.push({ url: String(url), body: String(init?.body) })
      const answer = answers.shift() ?? new Error('no answer')
      if (answer instanceof Error) throw answer
      return answer
    },
    wait: async (ms: number) => {
      waits.push(ms)
    },
  }
  return {
    calls,
    waits,
    token: () => exchangeToken({ server, tenantId: 'tenant', azureToken: 'token-of-azure', exchange }),
  }
}

test("the deployer's token is traded for one that may push", async t => {
  const { calls, token } = asked([Response.json({ refresh_token: 'push' })])
  t.is(await token(), 'push')
  t.is(calls[0]?.url, `https://${server}/oauth2/exchange`)
  t.is(calls[0]?.body, `grant_type=access_token&service=${server}&tenant=tenant&access_token=token-of-azure`)
})

test('a registry that does not answer yet is asked again', async t => {
  const { waits, token } = asked([
    new Error('ENOTFOUND'),
    new Response('', { status: 503 }),
    Response.json({ refresh_token: 'push' }),
  ])
  t.is(await token(), 'push')
  t.deepEqual(waits, [3000, 3000])
})

test('a registry that takes the question and says nothing is not waited for without end', async t => {
  const mute = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const { port } = mute.address() as AddressInfo
  const exchange = {
    fetch: (_: string | URL | Request, init?: RequestInit) => fetch(`http://127.0.0.1:${port}`, init),
    wait: async () => undefined,
    answerMs: 20,
  }
  const token = exchangeToken({ server, tenantId: 'tenant', azureToken: 'azure', exchange })
  await t.throwsAsync(token, { message: /gave no token to push with \(no answer\)/ })
})

test('a registry that keeps refusing is named, with its status and the role that is missing, and no token', async t => {
  const refusals = Array.from({ length: 10 }, () => new Response('', { status: 401 }))
  const error = await t.throwsAsync(asked(refusals).token())
  t.regex(error?.message ?? '', /gptrtdev000000\.azurecr\.io .*HTTP 401.*AcrPush/)
  t.false(error?.message.includes('token-of-azure'))
})
