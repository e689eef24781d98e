/** The registry that the workflow pushes to, by stand-ins of the commands. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { firstResources } from '../../.github/scripts/provide-registry.ts'
import { runProgram } from './azure.ts'
import { type Answers, lineOf, standIns } from './stand-ins.ts'

const command = fileURLToPath(new URL('../../.github/scripts/run-provide-registry.ts', import.meta.url))

function provide(t: ExecutionContext, answers: Answers) {
  const { path, asked } = standIns(t, answers)
  const folder = mkdtempSync(join(tmpdir(), 'registry-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'outputs')
  const { status, stderr } = spawnSync(process.execPath, [command, 'dev', file], {
    env: { PATH: path },
    encoding: 'utf8',
  })
  return {
    status,
    stderr,
    outputs: status === 0 ? readFileSync(file, 'utf8') : '',
    updates: asked()
      .map(lineOf)
      .filter(line => line.startsWith('pulumi up')),
  }
}

const config = (values: Record<string, string>) =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`realtime-gateway:${name}`, { value, secret: false }]),
    ),
  )
const none = { 'pulumi config --json': config({ imageRef: '', registryId: '', prefix: 'gptrt' }) }

test('a stack that was deployed has its registry, and is not updated for it', t => {
  const { outputs, updates } = provide(t, {
    ...none,
    'pulumi stack output --json': JSON.stringify({ containerRegistryLoginServer: 'a.azurecr.io' }),
  })
  t.is(outputs, 'server=a.azurecr.io\n')
  t.deepEqual(updates, [])
})

test('a registry of others is there already', t => {
  const id = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/Contoso'
  const { outputs, updates } = provide(t, {
    'pulumi config --json': config({ registryId: id }),
    'pulumi stack output --json': '{}',
  })
  t.is(outputs, 'server=contoso.azurecr.io\n')
  t.deepEqual(updates, [])
})

test('where the configuration names the image, no registry is named: nothing is built', t => {
  const { outputs, updates } = provide(t, {
    'pulumi config --json': config({ imageRef: `ghcr.io/owner/gateway@sha256:${'c'.repeat(64)}` }),
  })
  t.is(outputs, 'server=\n')
  t.deepEqual(updates, [])
})

test('at the first deployment the registry is made, and nothing but what it stands in', t => {
  const { status, stderr, updates } = provide(t, { ...none, 'pulumi stack output --json': '{}' })
  t.deepEqual(updates, [
    'pulumi up --yes --skip-preview --target urn:pulumi:dev::realtime-gateway::azure-native:resources:ResourceGroup::group --target urn:pulumi:dev::realtime-gateway::azure-native:containerregistry:Registry::registry --stack dev',
  ])
  t.is(status, 1, 'the stand-in makes none')
  t.regex(stderr, /The stack dev has no output containerRegistryLoginServer/)
})

test('an update that fails ends the step', t => {
  const { status, stderr } = provide(t, { ...none, 'pulumi stack output --json': '{}', 'pulumi up': 255 })
  t.is(status, 1)
  t.regex(stderr, /pulumi up --yes --skip-preview failed with 255/)
})

test('the program has the resources that the first deployment makes, by these types and names', async t => {
  const { resources } = await runProgram({ stack: 'dev' })
  for (const [type, name] of firstResources)
    t.is(resources.filter(resource => resource.type === type && resource.name === name).length, 1, name)
})
