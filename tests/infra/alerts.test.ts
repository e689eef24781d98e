/** What is watched, and that nothing is there for no one. */
import test from 'ava'
import { activityQuery, drainOverrunQuery, drainQuery, loadQuery } from '../../infra/queries.ts'
import { inBothLanguages } from '../documents/pages.ts'
import { type Run, readText, runProgram, stackFile } from './azure.ts'

const alertType = /^azure-native:monitor:(MetricAlert|ScheduledQueryRule)$/
const alertsOf = (run: Run) => run.resources.filter(({ type }) => alertType.test(type))
const kinds = (run: Run) => new Set(run.resources.map(({ type }) => type.replace('azure-native:', '')))

for (const stack of ['dev', 'prod']) {
  test.serial(
    `${stack}: someone looks from outside, where clients come in, at what says that all is well`,
    async t => {
      const run = await runProgram({ stack })
      const { inputs } = run.find('azure-native:applicationinsights:WebTest')
      t.like(inputs, {
        request: { requestUrl: `${run.outputs.applicationGatewayUrl}/healthz` },
        validationRules: { expectedHttpStatusCode: 200, sSLCheck: stack === 'prod' },
      })
      const component = run.find('azure-native:applicationinsights:Component', 'insights')
      t.is((inputs.tags as Record<string, string>)[`hidden-link:${component.id}`], 'Resource')
      t.is(component.inputs.workspaceResourceId, run.find('azure-native:operationalinsights:Workspace').id)
    },
  )

  test.serial(`${stack}: fewer places must fail than look, and one alone wakes no one`, async t => {
    const run = await runProgram({ stack })
    const { criteria } = run.find('azure-native:monitor:MetricAlert', 'unreachable-alert').inputs as {
      criteria: { failedLocationCount: number }
    }
    const { locations } = run.find('azure-native:applicationinsights:WebTest').inputs as {
      locations: object[]
    }
    t.true(criteria.failedLocationCount > 1 && criteria.failedLocationCount < locations.length)
  })

  test.serial(`${stack}: the documents tell of every alert, in both languages`, async t => {
    const names = alertsOf(await runProgram({ stack })).map(({ name }) => name.replace(/-alert$/, ''))
    t.true(names.length >= 4)
    for (const file of inBothLanguages('azure/monitoring.md')) {
      const rows = [...readText(file).matchAll(/^\| `([a-z-]+)` \| .*\| .* \|$/gm)].map(([, name]) => name)
      for (const name of names) t.true(rows.includes(name), `${file}: ${name}`)
    }
  })
}

test.serial(
  'where the security group keeps strangers out, no one looks, and nothing is made to remember it',
  async t => {
    const run = await runProgram({ config: { ...stackFile('dev'), clientRanges: '203.0.113.0/24' } })
    t.false(kinds(run).has('applicationinsights:WebTest'))
    t.false(run.resources.some(({ name }) => name === 'insights'))
    t.deepEqual(
      alertsOf(run)
        .map(({ name }) => name)
        .sort(),
      ['drain-overruns-alert', 'restarts-alert', 'server-errors-alert'],
    )
  },
)

test.serial('a query that no log can answer yet is taken, once the log has somewhere to go', async t => {
  const { inputs, after } = (await runProgram()).find('azure-native:monitor:ScheduledQueryRule')
  t.is(inputs.skipQueryValidation, true)
  t.true(after.includes('environment-diagnostics'))
})

test.serial('an app that may have no replica is not asked from outside, which would start one', async t => {
  const run = await runProgram({ config: { ...stackFile('dev'), minReplicas: 0 } })
  t.false(kinds(run).has('applicationinsights:WebTest'))
})

test.serial('alertEmail hears of every alert; without it there is no one to tell', async t => {
  const told = await runProgram({ config: { ...stackFile('dev'), alertEmail: 'ops@example.com' } })
  const group = told.find('azure-native:monitor:ActionGroup').id
  for (const { name, inputs } of alertsOf(told))
    t.true(JSON.stringify(inputs.actions ?? '').includes(group), name)
  const untold = await runProgram()
  t.false(kinds(untold).has('monitor:ActionGroup'))
  for (const { name, inputs } of alertsOf(untold)) t.is(inputs.actions, undefined, name)
})

test('every event that a query asks the log for is one that the runtime writes', t => {
  const queries = [
    drainOverrunQuery('app', 30),
    activityQuery('app'),
    loadQuery('app'),
    drainQuery('app'),
    ...[...inBothLanguages('azure/monitoring.md'), '.github/scripts/azure-hands.ts'].map(readText),
  ].join('\n')
  const asked = [...queries.matchAll(/event (?:==|in) \(?((?:(?:, )?['"][a-z.]+['"])+)/g)].flatMap(
    ([, list = '']) => [...list.matchAll(/['"]([a-z.]+)['"]/g)].map(([, event = '']) => event),
  )
  t.true(new Set(asked).size >= 8, [...new Set(asked)].join())
  const written = readText('runtime/observability/log.ts')
  for (const event of asked) t.true(written.includes(`| '${event}'`), event)
})
