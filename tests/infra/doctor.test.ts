/** What the doctor finds before anything is created, in answers of Azure that were recorded. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type Answer, type Ask, askRecording, type Recording } from '../../infra/commands/azure-cli.ts'
import { diagnose } from '../../infra/commands/doctor.ts'
import { providers } from '../../infra/commands/providers.ts'
import { readStackFile } from '../../infra/commands/stack-file.ts'
import { readSettings } from '../../infra/settings.ts'
import { commandsIn, findWrongNames } from '../documents/programs.ts'
import { ownValues, readText, runProgram, stackFile } from './azure.ts'

const recordingOf = (name: string) => JSON.parse(readText(`tests/infra/recordings/${name}.json`)) as Recording
const ready = recordingOf('ready-subscription')
const today = new Date('2026-11-20T00:00:00Z')
const settingsOf = (values: Record<string, unknown>, stack = 'dev') =>
  readSettings({ stack, values, today, preview: true })
const dev = settingsOf(stackFile('dev'))
const json = (value: unknown): Answer => ({ ok: true, text: JSON.stringify(value) })
const refused: Answer = { ok: false, text: 'forbidden' }

const faultsOf = (answers: Recording, settings = dev) =>
  diagnose(settings, askRecording(answers)).filter(({ state }) => state === 'fault')

test('a subscription that is ready has no fault, and every check was made', t => {
  const findings = diagnose(dev, askRecording(ready))
  t.deepEqual(
    findings.filter(({ state }) => state === 'fault'),
    [],
  )
  const checks = new Set(findings.map(({ check }) => check))
  for (const check of [
    'node',
    'pulumi',
    'state',
    'docker',
    'sign-in',
    'providers',
    'roles',
    'model',
    'names',
    'deleted accounts',
  ])
    t.true(checks.has(check), check)
})

test('a new subscription is told everything at once, each with the command that mends it', t => {
  const faults = faultsOf(recordingOf('fresh-subscription'))
  const advice = faults.map(fault => `${fault.check}: ${fault.advice}`).join('\n')
  for (const part of [
    'node: node setup.mjs',
    'state: npm run azure:bootstrap',
    'docker: start Docker',
    'providers: az provider register --wait --namespace Microsoft.App',
    'providers: az provider register --wait --namespace Microsoft.Insights',
    'roles: ask for Role Based Access Control Administrator',
    'model: lower openAiDeploymentCapacity',
    'names: set another prefix',
    'deleted accounts: az resource delete --ids /subscriptions/',
    'names: az keyvault purge --name gptrt-kv-',
  ])
    t.true(advice.includes(part), `${part} is not in\n${advice}`)
  t.true(faults.every(fault => fault.advice !== ''))
})

test('who is not signed in is told that, and nothing that would need it is asked', t => {
  const asked: string[] = []
  const ask: Ask = command => {
    asked.push(command.join(' '))
    return askRecording({ ...ready, 'az account show': refused })(command)
  }
  const findings = diagnose(dev, ask)
  t.regex(findings.find(({ check }) => check === 'sign-in')?.advice ?? '', /^az login/)
  t.deepEqual(
    asked.filter(line => line.startsWith('az ')),
    ['az account show --output json'],
  )
})

test('who has no az is told to install it, not to sign in', t => {
  const absent: Answer = { ok: false, text: 'az is not installed', isAbsent: true }
  const faults = faultsOf({ ...ready, 'az account show': absent })
  t.deepEqual(
    faults.map(({ check, advice }) => `${check}: ${advice}`),
    ['az: install the Azure CLI, then az login'],
  )
})

test('the doctor runs and advises commands and options that the programs have', t => {
  const own = settingsOf(ownValues(stackFile('prod')), 'prod')
  const policies = json({ properties: { enableRbacAuthorization: false } })
  const subscriptions: readonly Recording[] = [
    { ...ready, 'az keyvault show': policies },
    recordingOf('fresh-subscription'),
  ]
  for (const recording of subscriptions)
    for (const settings of [dev, own]) {
      const asked: (readonly string[])[] = []
      const findings = diagnose(settings, command => {
        asked.push(command)
        return askRecording(recording)(command)
      })
      const advised = findings.flatMap(({ advice }) => commandsIn(advice)).map(line => line.split(' '))
      const commands = [...asked.filter(([program]) => program !== 'node'), ...advised]
      t.true(commands.length >= 5, String(commands.length))
      t.deepEqual(commands.flatMap(findWrongNames), [])
    }
})

test('an account that cannot be listed, or a name that cannot be checked, is a warning and no fault', t => {
  const blind = Object.fromEntries(
    Object.entries(ready).map(([line, answer]) => [
      line,
      /^az (?!account|provider)/.test(line) ? refused : answer,
    ]),
  )
  t.deepEqual(faultsOf(blind), [])
  t.true(diagnose(dev, askRecording(blind)).filter(({ state }) => state === 'warning').length >= 5)
})

test('placeholders of a stack file are faults', t => {
  const placeholders = faultsOf(ready, settingsOf(stackFile('prod'), 'prod'))
  t.is(placeholders.filter(({ check }) => check === 'configuration').length, 6)
  const own = settingsOf(ownValues(stackFile('prod')), 'prod')
  t.deepEqual(faultsOf(ready, own), [])
})

test('a vault of the certificate that is not there, or takes access policies, is a fault', t => {
  const own = settingsOf(ownValues(stackFile('prod')), 'prod')
  t.regex(faultsOf({ ...ready, 'az keyvault show': refused }, own)[0]?.found ?? '', /no key vault contoso-kv/)
  const policies = json({ properties: { enableRbacAuthorization: false } })
  t.regex(
    faultsOf({ ...ready, 'az keyvault show': policies }, own)[0]?.advice ?? '',
    /--enable-rbac-authorization true/,
  )
})

test('a stack that is there keeps its names', t => {
  const there = { ...ready, 'az group exists': { ok: true, text: 'true' } }
  t.regex(
    diagnose(dev, askRecording(there)).find(({ check }) => check === 'names')?.found ?? '',
    /is there already/,
  )
})

test('secrets of a stack file are encrypted there, and count as set', t => {
  const file =
    'config:\n  realtime-gateway:gatewayAuth: key\n  realtime-gateway:gatewayApiKeys:\n    secure: v1:abc\n'
  t.is(readStackFile('dev', file, today).gatewayAuth, 'key')
})

test.serial('every service whose resources the program makes is one that is registered', async t => {
  const { resources } = await runProgram({
    stack: 'prod',
    config: { ...stackFile('prod'), monthlyBudget: 1, alertEmail: 'ops@example.com' },
  })
  const used = resources.flatMap(({ id }) => /.*\/providers\/(Microsoft\.\w+)\//.exec(id)?.[1] ?? [])
  for (const name of new Set(used)) t.true(providers.includes(name), name)
})

test('the command prints findings and advice, and ends with 1 when something is to be mended', t => {
  const command = fileURLToPath(new URL('../../infra/commands/run-doctor.ts', import.meta.url))
  const run = (name: string) =>
    spawnSync(
      process.execPath,
      [command, 'dev', '--recorded', fileURLToPath(new URL(`recordings/${name}.json`, import.meta.url))],
      { encoding: 'utf8' },
    )
  const good = run('ready-subscription')
  t.is(good.status, 0, good.stderr)
  t.regex(good.stdout, /dev can be created\./)
  const bad = run('fresh-subscription')
  t.is(bad.status, 1)
  t.regex(bad.stdout, /FAULT {3}roles: Contributor\n {8}ask for Role Based Access Control Administrator/)
})
