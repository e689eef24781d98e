/** The job that runs the smoke test in Azure: how it is started, shown a credential, and waited for. */
import test from 'ava'
import { handsWith, lineOf } from './stand-ins.ts'

const started = { 'az rest': '{"name":"run-1"}', 'az containerapp job execution show': 'Succeeded' }

test.serial('a smoke test runs the new image in the network, and is waited for', async t => {
  const { hands, asked, waits } = handsWith(t, started)
  await hands.smoke('app--rgreen')
  const start = asked().find(({ args }) => args[0] === 'rest')
  t.true(
    start?.args.some(arg =>
      arg.includes('/resourceGroups/app-rg/providers/Microsoft.App/jobs/app-smoke/start?'),
    ),
  )
  const { containers } = JSON.parse(start?.text ?? '') as {
    containers: { image: string; command: string[]; env: { name: string; value?: string }[] }[]
  }
  t.like(containers[0], { name: 'smoke', image: 'a.azurecr.io/b@sha256:0' })
  t.deepEqual(containers[0]?.env, [
    { name: 'SMOKE_URL', value: 'https://app---next.kindsea.azurecontainerapps.io' },
    { name: 'SMOKE_REVISION', value: 'app--rgreen' },
  ])
  t.true(containers[0]?.command.at(-1)?.includes('smoke.passed'))
  t.deepEqual(waits, [10])
})

test.serial(
  "a credential is a secret of the job: neither a process's argument nor a variable that a Reader sees",
  async t => {
    const credential = 'correct-horse-battery'
    const { hands, asked } = handsWith(t, started, credential)
    await hands.smoke('app--rgreen')
    t.false(asked().some(command => lineOf(command).includes(credential)))
    const [secret, start] = asked().filter(({ text }) => text !== undefined)
    t.true(
      lineOf(secret ?? { program: '', args: [] }).startsWith(
        'az containerapp job secret set --name app-smoke',
      ),
    )
    t.is(secret?.text, `smoke-credential=${credential}`)
    t.false(start?.text?.includes(credential))
    t.true(start?.text?.includes('{"name":"SMOKE_CREDENTIAL","secretRef":"smoke-credential"}'))
  },
)

test.serial(
  'where Entra ID is asked for, the client shows a token of the moment; a credential that is kept goes before',
  async t => {
    const token = { ...started, 'az account get-access-token': 'token-of-now' }
    const fresh = handsWith(t, token, '', 'api://realtime-gateway')
    await fresh.hands.smoke('app--rgreen')
    t.true(
      fresh
        .asked()
        .map(lineOf)
        .includes(
          'az account get-access-token --scope api://realtime-gateway/.default --query accessToken --output tsv',
        ),
    )
    t.true(fresh.asked().some(({ text }) => text === 'smoke-credential=token-of-now'))
    const kept = handsWith(t, token, 'a-key', 'api://realtime-gateway')
    await kept.hands.smoke('app--rgreen')
    t.true(kept.asked().some(({ text }) => text === 'smoke-credential=a-key'))
  },
)

test.serial('a smoke test that failed, or did not end, is told of by name', async t => {
  const failed = handsWith(t, { ...started, 'az containerapp job execution show': 'Failed' })
  await t.throwsAsync(failed.hands.smoke('app--rgreen'), {
    message:
      /run-1 of app--rgreen has failed; why: ContainerAppConsoleLogs \| where ContainerGroupName startswith 'run-1'/,
  })
  const endless = handsWith(t, { ...started, 'az containerapp job execution show': 'Running' })
  await t.throwsAsync(endless.hands.smoke('app--rgreen'), { message: /did not end/ })
})
