/** Role assignments: their names, and how long what relies on a new one waits. */
import test from 'ava'
import { spreadMs, waitForSpread } from '../../infra/roles.ts'
import { runProgram, stackFile } from './azure.ts'

const createdOn = '2026-11-20T12:00:00Z'

/** A clock that stands still, and notes what it was asked to wait for. */
function clockAt(ms: number) {
  const waits: number[] = []
  const wait = async (asked: number) => {
    waits.push(asked)
  }
  return { waits, clock: { now: () => Date.parse(createdOn) + ms, wait } }
}

test('who relies on a new assignment waits until it is known everywhere, and not a moment for an old one', async t => {
  for (const [age, waited] of [
    [0, [spreadMs]],
    [60_000, [spreadMs - 60_000]],
    [spreadMs, []],
    [86_400_000, []],
    // Azure's clock is ahead of this one.
    [-5000, [spreadMs]],
  ] as const) {
    const { waits, clock } = clockAt(age)
    await waitForSpread(createdOn, clock)
    t.deepEqual(waits, waited, String(age))
  }
})

test('an assignment of unknown age is not waited for', async t => {
  const { waits, clock } = clockAt(0)
  await waitForSpread(undefined, clock)
  t.deepEqual(waits, [])
})

test.serial('the name of an assignment is left to the provider, which keeps it in the state', async t => {
  const { resources } = await runProgram({ stack: 'prod' })
  const grants = resources.filter(({ type }) => type === 'azure-native:authorization:RoleAssignment')
  t.true(grants.length >= 4)
  for (const { inputs, name } of grants) t.is(inputs.roleAssignmentName, undefined, name)
})

test.serial('what reads by an assignment stands after it: pulls, secrets, the certificate', async t => {
  const run = await runProgram({ stack: 'prod' })
  const { after } = run.find('azure-native:app:ContainerApp')
  for (const name of ['platform-may-pull', 'platform-may-read-secrets']) t.true(after.includes(name), name)
  t.true(run.find('azure-native:network:ApplicationGateway').after.includes('gateway-reads-certificate'))
})

for (const newAssignment of ['platform-may-pull', 'platform-may-read-secrets', 'gateway-reads-certificate']) {
  test.serial(
    `an update that makes ${newAssignment} waits until it is known everywhere; a preview does not`,
    async t => {
      const prod = { stack: 'prod', config: { ...stackFile('prod'), openAiAuth: 'key' } }
      t.is((await runProgram(prod)).waits, 0)
      t.true((await runProgram({ ...prod, newAssignment })).waits > 0)
      t.is((await runProgram({ ...prod, newAssignment, preview: true })).waits, 0)
    },
  )
}
