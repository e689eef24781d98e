/** The commands of the first day: the state's place, the workflows' registrations, sleep. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type Answer, type Ask, askCommandWithin } from '../../infra/commands/azure-cli.ts'
import { bootstrap, defaults, nameStateAccount } from '../../infra/commands/bootstrap.ts'
import { providers } from '../../infra/commands/providers.ts'
import { readSubjectPrefix, register } from '../../infra/commands/registrations.ts'
import { patienceMs, readOutputs, sleep, wake } from '../../infra/commands/sleep.ts'
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

const environment = (name: string) => `gh api repos/contoso/gateway/environments/${name}`
const absent: Answer = { ok: false, text: 'gh: Not Found (HTTP 404)' }

/** Answers of a tenant and a repository that know nothing of this project. */
const newRepository = {
  'az ad app list': ok([]),
  'az ad app federated-credential list': ok([]),
  'gh api repos/contoso/gateway/environments/': absent,
}

/** Credentials as az lists them, of both identities. */
const credentials = (prefix: string) =>
  ok(
    ['dev', 'prod', 'dev-preview', 'prod-preview'].map(name => ({
      name,
      subject: `${prefix}:environment:${name}`,
    })),
  )

/** Answers of a tenant in which a first run has made both registrations. */
const registered = {
  'az ad app list --display-name gateway-deploy': ok([{ appId: 'deployer', displayName: 'gateway-deploy' }]),
  'az ad app list --display-name gateway-preview': ok([{ appId: 'reader', displayName: 'gateway-preview' }]),
}

test('an identity deploys to environments, another previews and reads; neither by a pull request alone', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso@5/gateway@8' }),
    ...newRepository,
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

test('a second run finds what the first one made, and leaves the rules of its environments alone', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso/gateway' }),
    ...registered,
    'az ad app federated-credential list': credentials('repo:contoso/gateway'),
    [environment('prod-preview')]: absent,
  })
  register(registration, ask, () => undefined)
  t.false(asked.some(line => /(app|federated-credential) (create|update)/.test(line)))
  t.deepEqual(
    asked.filter(line => line.includes('--method PUT')),
    ['gh api --method PUT repos/contoso/gateway/environments/prod-preview --silent'],
  )
})

test('an environment that GitHub does not tell of is not written', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso/gateway' }),
    ...newRepository,
    [environment('prod')]: { ok: false, text: 'error connecting to api.github.com' },
  })
  t.throws(() => register(registration, ask, () => undefined), { message: /error connecting/ })
  t.false(asked.some(line => line.includes('PUT repos/contoso/gateway/environments/prod ')))
})

test('after a transfer, or when its subjects get ids, the credentials of a repository are written anew', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso@5/gateway@8' }),
    ...newRepository,
    ...registered,
    'az ad app federated-credential list': credentials('repo:former/gateway'),
  })
  register(registration, ask, () => undefined)
  t.false(
    asked.some(line => / create /.test(line) && line.includes('federated-credential')),
    'names are taken',
  )
  t.deepEqual(
    asked.flatMap(
      line =>
        /federated-credential update --federated-credential-id (\S+) --id (\S+) .*"subject":"([^"]+)"/
          .exec(line)
          ?.slice(1)
          .join(' ') ?? [],
    ),
    [
      'dev deployer repo:contoso@5/gateway@8:environment:dev',
      'prod deployer repo:contoso@5/gateway@8:environment:prod',
      'dev-preview reader repo:contoso@5/gateway@8:environment:dev-preview',
      'prod-preview reader repo:contoso@5/gateway@8:environment:prod-preview',
    ],
  )
})

test('an application whose name only begins like the wanted one gets no role', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso/gateway' }),
    ...newRepository,
    'az ad app list --display-name gateway-deploy': ok([
      { appId: 'another', displayName: 'gateway-deploy-legacy' },
    ]),
    'az ad app create --display-name gateway-deploy': ok('deployer'),
    'az ad app create --display-name gateway-preview': ok('reader'),
  })
  register(registration, ask, () => undefined)
  t.false(asked.some(line => line.includes('another')))
  t.true(asked.includes('gh variable set AZURE_CLIENT_ID --repo contoso/gateway --body deployer'))
})

test('of two applications of one name none is chosen, and both are told', t => {
  const { ask, asked } = asking({
    [customization]: ok({ sub_claim_prefix: 'repo:contoso/gateway' }),
    ...newRepository,
    'az ad app list --display-name gateway-deploy': ok([
      { appId: 'first', displayName: 'gateway-deploy' },
      { appId: 'second', displayName: 'gateway-deploy' },
    ]),
  })
  t.throws(() => register(registration, ask, () => undefined), {
    message: /gateway-deploy \(first, second\)/,
  })
  t.false(asked.some(line => line.includes('role assignment')))
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

test('a command is waited for as long as it is said to take: ten minutes for an Application Gateway', t => {
  const endless = [process.execPath, '--eval', 'setInterval(() => {}, 1000)']
  t.deepEqual(askCommandWithin(50)(endless), { ok: false, text: 'did not end within 0.05 s' })
  t.true(patienceMs >= 2 * 10 * 60_000)
})

const commands: readonly [string, string, ...string[]][] = [
  ['az', 'bootstrap'],
  ['az', 'registrations', 'contoso/gateway'],
  ['pulumi', 'sleep', 'sleep', 'dev'],
]
for (const [program, command, ...words] of commands)
  test(`${command}: a machine without ${program} is told that, and where it is`, t => {
    const file = fileURLToPath(new URL(`../../infra/commands/run-${command}.ts`, import.meta.url))
    const { status, stderr } = spawnSync(process.execPath, [file, ...words], {
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    })
    t.is(status, 1)
    t.regex(
      stderr,
      new RegExp(`${program} is not installed, or not on the path: open the devcontainer, or see https://`),
    )
  })

test('words that name no region and no stack make nothing', t => {
  for (const [command, ...words] of [
    ['bootstrap', '--location'],
    ['registrations', 'contoso/gateway', '--dry-run'],
  ]) {
    const file = fileURLToPath(new URL(`../../infra/commands/run-${command}.ts`, import.meta.url))
    const { status, stderr } = spawnSync(process.execPath, [file, ...words], {
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    })
    t.is(status, 2, stderr)
  }
})
