import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { z } from 'zod'
import { readText } from './azure.ts'

/** The part of devContainer.base.schema.json (containers.dev) that the file uses; unknown properties are faults. */
const schema = z.strictObject({
  name: z.string(),
  image: z.string().regex(/^mcr\.microsoft\.com\/devcontainers\//),
  features: z.record(
    z.string().regex(/^ghcr\.io\/devcontainers\/features\/[a-z-]+:\d+(\.\d+)*$/),
    z.record(z.string(), z.string()),
  ),
  containerEnv: z.record(z.string(), z.string()),
  remoteEnv: z.record(z.string(), z.string().nullable()),
  onCreateCommand: z.string(),
  postCreateCommand: z.string(),
  postAttachCommand: z.string(),
  forwardPorts: z.array(z.number().int().min(0).max(65_535)),
  portsAttributes: z.record(
    z.string().regex(/^\d+$/),
    z.strictObject({
      label: z.string(),
      onAutoForward: z.enum(['notify', 'openBrowser', 'openBrowserOnce', 'openPreview', 'silent', 'ignore']),
    }),
  ),
  otherPortsAttributes: z.strictObject({ onAutoForward: z.literal('ignore') }),
  customizations: z.strictObject({
    vscode: z.strictObject({
      extensions: z.array(z.string().regex(/^[\w-]+\.[\w-]+$/)),
      settings: z.record(z.string(), z.unknown()),
    }),
  }),
})

const devcontainer = () => schema.parse(JSON.parse(readText('.devcontainer/devcontainer.json')))

test('the devcontainer file has the properties that the format knows', t => {
  t.notThrows(devcontainer)
})

test('the devcontainer is set up by the one set-up script, and opens to a running gateway', t => {
  t.like(devcontainer(), {
    postCreateCommand: 'node setup.mjs',
    postAttachCommand: 'bash .devcontainer/start-gateway.sh',
  })
  t.regex(readText('.devcontainer/start-gateway.sh'), /\nexec npm start\n$/)
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const [, script = ''] = devcontainer().onCreateCommand.split(' ')
  t.is(globSync(script, { cwd: root }).length, 1)
})

test('a second window that attaches finds the gateway served, and starts none', async t => {
  const answering = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(answering, 'listening')
  t.teardown(() => answering.close())
  const { port } = answering.address() as AddressInfo
  const script = fileURLToPath(new URL('../../.devcontainer/start-gateway.sh', import.meta.url))
  const child = spawn('bash', [script], { env: { PATH: process.env.PATH, PORT: String(port) } })
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  t.is(code, 0)
  t.regex(output, /is served already/)
})

test('the devcontainer has Node, Azure CLI, Docker, Redis, HAProxy and a pinned Pulumi', t => {
  const features = Object.keys(devcontainer().features).join(' ')
  for (const feature of ['node', 'azure-cli', 'docker-in-docker'])
    t.true(features.includes(`/${feature}:`), feature)
  const script = readText('.devcontainer/install-tools.sh')
  for (const tool of ['redis-server', 'haproxy', '--version "$']) t.true(script.includes(tool), tool)
})

test('ports are labelled, and the recommended extensions cover Biome, Pulumi and Azure', t => {
  const { forwardPorts, portsAttributes, customizations } = devcontainer()
  for (const port of forwardPorts) t.truthy(portsAttributes[String(port)]?.label)
  const extensions = customizations.vscode.extensions.join(' ')
  for (const word of ['biome', 'pulumi', 'azure']) t.true(extensions.includes(word), word)
})
