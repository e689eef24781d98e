import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type PreviewStep, reportFailure, reportPreview } from '../../.github/scripts/preview-report.ts'
import { readText, runProgram } from './azure.ts'

const step = (op: string, type: string, name: string, diffReasons: string[] = []): PreviewStep => ({
  op,
  urn: `urn:pulumi:dev::realtime-gateway::${type}::${name}`,
  diffReasons,
})
const gateway = 'azure-native:network:ApplicationGateway'

test('a preview that leaves the Application Gateway alone raises no alarm, and lists what changes', t => {
  const { text, alarms } = reportPreview('dev', [
    step('same', gateway, 'gateway'),
    step('update', 'azure-native:app:ContainerApp', 'app', ['template.containers[0].image']),
  ])
  t.deepEqual(alarms, [])
  t.true(text.includes('| update | azure-native:app:ContainerApp `app` | `template.containers[0].image` |'))
  t.false(text.includes('gateway`'))
})

test('a preview that would touch the Application Gateway, or take away what must last, raises the alarm', t => {
  for (const op of ['update', 'replace', 'delete', 'create-replacement', 'delete-replaced']) {
    t.is(reportPreview('dev', [step(op, gateway, 'gateway')]).alarms.length, 1, op)
  }
  t.is(reportPreview('dev', [step('create', gateway, 'gateway')]).alarms.length, 0)
  t.is(
    reportPreview('dev', [step('replace', 'azure-native:app:ManagedEnvironment', 'environment')]).alarms
      .length,
    1,
  )
  t.is(
    reportPreview('dev', [step('update', 'azure-native:app:ManagedEnvironment', 'environment')]).alarms
      .length,
    0,
  )
  t.true(reportPreview('dev', []).text.includes('Nothing changes.'))
})

test('a release, which updates the app, raises no alarm; to replace what a socket or a conversation hangs on does', t => {
  const update = (type: string) => reportPreview('dev', [step('update', type, 'x')]).alarms.length
  const replace = (type: string) => reportPreview('dev', [step('replace', type, 'x')]).alarms.length
  for (const type of [
    'app:ContainerApp',
    'resources:ResourceGroup',
    'network:VirtualNetwork',
    'network:Subnet',
    'redisenterprise:RedisEnterprise',
    'redisenterprise:Database',
    'cognitiveservices:Account',
    'cognitiveservices:Deployment',
  ]) {
    t.is(update(`azure-native:${type}`), 0, type)
    t.is(replace(`azure-native:${type}`), 1, type)
  }
  t.is(update('azure-native:network:WebApplicationFirewallPolicy'), 1)
  t.is(replace('azure-native:monitor:MetricAlert'), 0)
})

test.serial('every kind of resource that raises an alarm is one that the program makes', async t => {
  const kinds = new Set((await runProgram({ stack: 'prod' })).resources.map(({ type }) => type))
  const script = readText('.github/scripts/preview-report.ts')
  const alarming = [...script.matchAll(/'(azure-native:\w+:\w+)'/g)].map(([, type = '']) => type)
  t.true(alarming.length >= 12)
  for (const type of alarming) t.true(kinds.has(type), type)
})

test('a preview repeats what the program warned of', t => {
  const { text } = reportPreview(
    'dev',
    [],
    [
      { severity: 'warning', message: 'a model is retired soon\n' },
      { severity: 'info', message: 'no news' },
    ],
  )
  t.true(text.includes('> a model is retired soon\n'))
  t.false(text.includes('no news'))
})

test('a preview that failed is reported with what the program said, else with what Pulumi printed', t => {
  const said = reportFailure(
    'prod',
    [{ severity: 'error', message: 'hostName: is not a name' }],
    'exit status 1',
  )
  t.true(said.text.includes('The preview failed.') && said.text.includes('hostName: is not a name'))
  t.true(reportFailure('prod', [], 'error: no stack named prod').text.includes('no stack named prod'))
  t.true(reportFailure('prod', [], 'x'.repeat(100_000)).text.length < 5000, 'a comment has a limit')
})

test('the command reports a preview that ended before it had a plan', t => {
  const folder = mkdtempSync(join(tmpdir(), 'preview-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [plan, report, faults] = ['plan.json', 'report.md', 'preview.err'].map(name => join(folder, name))
  writeFileSync(plan ?? '', '')
  writeFileSync(faults ?? '', "error: no stack named 'prod' found")
  const command = fileURLToPath(new URL('../../.github/scripts/report-preview.ts', import.meta.url))
  const { status } = spawnSync(process.execPath, [command, 'prod', plan ?? '', report ?? '', faults ?? ''])
  t.is(status, 0)
  t.true(readFileSync(report ?? '', 'utf8').includes("no stack named 'prod' found"))
})

test('the command that the workflow runs writes the report, and exits with 3 when a reviewer must look', t => {
  const folder = mkdtempSync(join(tmpdir(), 'preview-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [plan, report] = [join(folder, 'plan.json'), join(folder, 'report.md')]
  const command = fileURLToPath(new URL('../../.github/scripts/report-preview.ts', import.meta.url))
  for (const [op, code] of [
    ['update', 3],
    ['same', 0],
  ] as const) {
    writeFileSync(plan, JSON.stringify({ steps: [step(op, gateway, 'gateway')] }))
    t.is(spawnSync(process.execPath, [command, 'dev', plan, report]).status, code)
    t.is(readFileSync(report, 'utf8').includes('CAUTION'), code === 3)
  }
})
