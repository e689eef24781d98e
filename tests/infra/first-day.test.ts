/** The commands of the first day: the state's place, the workflows' registrations, sleep. */
import test from 'ava'
import type { Answer, Ask } from '../../infra/commands/azure-cli.ts'
import { bootstrap, defaults, nameStateAccount } from '../../infra/commands/bootstrap.ts'
import { providers } from '../../infra/commands/providers.ts'
import { readSubjectPrefix, register } from '../../infra/commands/registrations.ts'
import { readOutputs, sleep, wake } from '../../infra/commands/sleep.ts'
import { findWrongNames } from '../documents/programs.ts'

const ok = (value: unknown): Answer => ({
  ok: true,
  text: typeof value === 'string' ? value : JSON.stringify(value),
})
const refused: Answer = { ok: false, text: 'AuthorizationPermissionMismatch' }

/** Answers by the beginning of a command line; a list is one answer after the other. A wrong name of an option throws. */
function asking(answers: Readonly<Record<string, Answer | Answer[]>>) {
  const asked: string[] = []
  const ask: Ask = command => {
    const line = command.join(' ')
    const [wrong] = findWrongNames(command)
    if (wrong !== undefined) throw new Error(wrong)
    asked.push(line)
    const [key] = Object.keys(answers)
      .filter(start => line.startsWith(start))
      .sort((a, b) => b.length - a.length)
    const answer = key === undefined ? ok('') : (answers[key] ?? ok(''))
    if (!Array.isArray(answer)) return answer
    return (answer.length > 1 ? answer.shift() : answer[0]) ?? ok('')
  }
  return { ask, asked }
}

const signedIn = {
  'az account show': ok({ id: 'sub', user: { type: 'user' } }),
  'az provider list': ok(providers.map(namespace => ({ namespace, registrationState: 'Registered' }))),
  'az ad signed-in-user show': ok('me'),
}

function hands(answers: Parameters<typeof asking>[0]) {
  const { ask, asked } = asking({ ...signedIn, ...answers })
  const waits: number[] = []
  const wait = async (seconds: number) => {
    waits.push(seconds)
  }
  return { asked, waits, hands: { ask, wait, say: () => undefined } }
}

test("the state's container is made by way of its resource, which needs no right that has not spread", async t => {
  const { asked, hands: its } = hands({})
  const address = await bootstrap(defaults, its)
  t.is(address, `azblob://state?storage_account=${nameStateAccount('sub')}`)
  t.regex(nameStateAccount('sub'), /^[a-z0-9]{3,24}$/)
  t.true(asked.some(line => line.startsWith('az storage container-rm create --name state ')))
  t.false(asked.some(line => line.startsWith('az storage container create')))
  for (const namespace of ['Microsoft.Insights', 'Microsoft.App'])
    t.true(
      asked.some(line => line.startsWith(`az provider register --namespace ${namespace} `)),
      namespace,
    )
})

test('the right to the state is waited for: 403 for minutes is no fault', async t => {
  const { waits, hands: its } = hands({ 'az storage blob list': [refused, refused, ok('')] })
  await bootstrap(defaults, its)
  t.deepEqual(waits, [15, 15])
})

test('what does not come in a quarter of an hour is named', async t => {
  const { hands: its } = hands({ 'az storage blob list': refused })
  await t.throwsAsync(bootstrap(defaults, its), {
    message: /the right to the state was not there after 15 minutes/,
  })
})

test('a command that az refuses stops the bootstrap with what az said', async t => {
  const { hands: its } = hands({
    'az storage account create': { ok: false, text: 'StorageAccountAlreadyTaken' },
  })
  await t.throwsAsync(bootstrap(defaults, its), { message: /StorageAccountAlreadyTaken/ })
})

const customization = 'gh api repos/contoso/gateway/actions/oidc/customization/sub'

test('the subject of a repository is read off GitHub, with ids or without', t => {
  const prefix = (answers: Readonly<Record<string, Answer>>) =>
    readSubjectPrefix('contoso/gateway', asking(answers).ask)
  const told = ok({ use_default: true, sub_claim_prefix: 'repo:contoso@5/gateway@8' })
  t.is(prefix({ [customization]: told }), 'repo:contoso@5/gateway@8')
  t.is(prefix({ [customization]: ok({ use_default: true }) }), 'repo:contoso/gateway')
  const immutable = ok({ use_default: true, use_immutable_subject: true })
  const ids = ok({ id: 8, owner: { id: 5 } })
  t.is(
    prefix({ [customization]: immutable, 'gh api repos/contoso/gateway': ids }),
    'repo:contoso@5/gateway@8',
  )
  t.throws(() => prefix({ [customization]: { ok: false, text: 'HTTP 404' } }), { message: /HTTP 404/ })
})

const registration = {
  repository: 'contoso/gateway',
  subscriptionId: 'sub',
  tenantId: 'tenant',
  stateAccountId:
    '/subscriptions/sub/resourceGroups/gateway-state/providers/Microsoft.Storage/storageAccounts/s1',
  stacks: ['dev', 'prod'],
}

test('an identity deploys to environments, another previews and reads; neither by a pull request alone', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso@5/gateway@8' }),
    'az ad app create': [ok('deployer'), ok('reader')],
    'az ad sp show': ok('principal'),
  })
  register(registration, ask, () => undefined)
  const subjects = asked.flatMap(line => /"subject":"([^"]+)"/.exec(line)?.[1] ?? [])
  t.deepEqual(
    subjects,
    ['dev', 'prod', 'dev-preview', 'prod-preview'].map(
      environment => `repo:contoso@5/gateway@8:environment:${environment}`,
    ),
  )
  const roles = asked.flatMap(line => /role assignment create --role (.+?) --scope/.exec(line)?.[1] ?? [])
  t.deepEqual(roles, [
    'Contributor',
    'Role Based Access Control Administrator',
    'Storage Blob Data Contributor',
    'Reader',
    'Storage Blob Data Reader',
  ])
  for (const line of [
    'gh variable set AZURE_CLIENT_ID --repo contoso/gateway --body deployer',
    'gh variable set AZURE_PREVIEW_CLIENT_ID --repo contoso/gateway --body reader',
    'gh api --method PUT repos/contoso/gateway/environments/prod-preview --silent',
  ])
    t.true(asked.includes(line), line)
})

test('a second run finds what the first one made', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso/gateway' }),
    'az ad app list': ok('known'),
    'az ad app federated-credential list': ok(
      ['dev', 'prod', 'dev-preview', 'prod-preview']
        .map(environment => `repo:contoso/gateway:environment:${environment}`)
        .join('\n'),
    ),
  })
  register(registration, ask, () => undefined)
  t.false(asked.some(line => /(app|federated-credential) create/.test(line)))
})

const outputs = {
  'pulumi stack output --json --stack dev': ok({
    resourceGroup: 'gptrt-dev-rg',
    containerAppName: 'gptrt-dev',
    applicationGatewayName: 'gptrt-dev-agw',
  }),
}

test('sleep stops the app before the gateway, wake starts it before; weights stay as they are', t => {
  const { ask, asked } = asking(outputs)
  const stack = readOutputs('dev', ask)
  sleep(stack, ask)
  wake(stack, ask)
  const app = (verb: string) =>
    `az rest --method post --url /subscriptions/{subscriptionId}/resourceGroups/gptrt-dev-rg/providers/Microsoft.App/containerApps/gptrt-dev/${verb}?api-version=2025-01-01`
  const gateway = (verb: string) =>
    `az network application-gateway ${verb} --name gptrt-dev-agw --resource-group gptrt-dev-rg`
  t.deepEqual(asked.slice(1), [app('stop'), gateway('stop'), app('start'), gateway('start')])
})

test('a stack that cannot be put to sleep is told with what az said', t => {
  const { ask } = asking({
    ...outputs,
    'az network application-gateway stop': { ok: false, text: 'Conflict' },
  })
  t.throws(() => sleep(readOutputs('dev', ask), ask), { message: /Conflict/ })
})
