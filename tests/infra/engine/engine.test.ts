/**
 * The program under Pulumi's own engine, against a stand-in of Azure that refuses what Azure refuses: a stack's whole
 * life, on a state in a folder. Needs the CLI `pulumi` with `pulumi-language-nodejs` on the path, and no account.
 */
import test, { type ExecutionContext } from 'ava'
import { reportPreview } from '../../../.github/scripts/preview-report.ts'
import { ownValues, stackFile } from '../azure.ts'
import { kindOf } from '../resource-answers.ts'
import { hasCli, setUp, type Workplace } from './workplace.ts'

/** Without the CLI the tests stand in the report as skipped, under titles that say what they need. */
const withCli = hasCli ? test.serial : test.skip
const needs = 'needs the CLI pulumi and pulumi-language-nodejs on the path'

const quiet = ['--yes', '--skip-preview', '--suppress-progress']
const gatewayType = 'network:ApplicationGateway'
const appType = 'app:ContainerApp'

interface Weight {
  readonly revision: string
  readonly weight: number
  readonly label?: string
}

const revisionsOf = async (workplace: Workplace) => (await workplace.output('revisions')) as Weight[]

/** Writes of the one resource of a kind. */
function writesOf(workplace: Workplace, kind: string): number {
  const found = Object.values(workplace.account().resources).filter(({ type }) => kindOf(type) === kind)
  return found[0]?.writes ?? 0
}

/** What the account has for spans: the component, its role for the app, and its entry in the private link scope. */
function tracingOf(workplace: Workplace): string[] {
  const resources = Object.entries(workplace.account().resources)
  const isTraces = (id: unknown) => /\/components\/[^/]*traces$/.test(String(id))
  return resources
    .flatMap(([id, { type, inputs }]) => {
      const kind = kindOf(type)
      if (kind === 'applicationinsights:Component' && isTraces(id)) return ['traces']
      if (kind === 'authorization:RoleAssignment' && isTraces(inputs.scope)) return ['role']
      return kind === 'monitor:PrivateLinkScopedResource' && isTraces(inputs.linkedResourceId)
        ? ['scope']
        : []
    })
    .toSorted()
}

const changesOf = async (workplace: Workplace, ...args: string[]) => {
  const { steps } = await workplace.preview(...args)
  return steps
    .filter(({ op }) => !['same', 'read'].includes(op))
    .map(({ op, urn }) => `${op} ${urn.split('::').at(-1)}`)
}

/** Sets the values that the stack's file leaves to its owner. */
async function configure({ pulumi }: Workplace, stack: string): Promise<void> {
  const file = stackFile(stack)
  const own = Object.entries(ownValues(file)).filter(([name, value]) => value !== file[name])
  const values = own.flatMap(([name, value]) => ['--plaintext', `${name}=${value}`])
  if (values.length > 0) await pulumi('config', 'set-all', ...values)
}

const setWeights = async ({ pulumi }: Workplace, weights: readonly Weight[]) => {
  await pulumi('config', 'rm', 'traffic')
  const values = weights.flatMap((entry, index) =>
    Object.entries(entry).flatMap(([key, value]) => ['--plaintext', `traffic[${index}].${key}=${value}`]),
  )
  await pulumi('config', 'set-all', '--path', ...values)
  await pulumi('up', ...quiet)
}

async function createStack(t: ExecutionContext, stack: string): Promise<Workplace> {
  const workplace = setUp(t, stack)
  await workplace.pulumi('stack', 'init')
  await configure(workplace, stack)
  return workplace
}

for (const stack of ['dev', 'prod']) {
  withCli(
    `${stack}: created, left alone, released, rolled back, refreshed, destroyed (${needs})`,
    async t => {
      const workplace = await createStack(t, stack)
      const { pulumi, preview, account, setDigest } = workplace

      const first = await preview()
      t.true(first.steps.length > 40)
      t.true(first.steps.every(({ op }) => op === 'create' || op === 'read'))
      t.deepEqual(reportPreview(stack, first.steps, first.diagnostics).alarms, [])
      t.deepEqual(account().resources, {}, 'a preview creates nothing')

      await pulumi('up', ...quiet)
      const [blue = { revision: '', weight: 0 }] = await revisionsOf(workplace)
      t.is(blue.weight, 100)
      await pulumi('up', ...quiet, '--expect-no-changes')
      await pulumi('refresh', '--yes', '--suppress-progress', '--expect-no-changes')

      // A release: from a plan that was looked at before.
      setDigest('b')
      const plan = await preview('--save-plan', 'plan.bin')
      t.deepEqual(reportPreview(stack, plan.steps).alarms, [])
      await pulumi('up', ...quiet, '--plan', 'plan.bin')
      const released = account().revisionsOf(`gptrt-${stack}`)
      t.is(released.length, 2, 'one new revision')
      const green = released.find(({ name }) => name !== blue.revision)?.name ?? ''
      t.is(writesOf(workplace, gatewayType), 1, 'nothing of the gateway is touched')
      t.deepEqual(
        await revisionsOf(workplace),
        stack === 'prod'
          ? [blue, { label: 'next', revision: green, weight: 0 }]
          : [{ revision: green, weight: 100 }],
      )

      // Weights, there and back.
      const before = Object.values(account().resources).reduce((sum, { writes }) => sum + writes, 0)
      await setWeights(workplace, [
        { revision: blue.revision, weight: 50 },
        { revision: 'newest', weight: 50, label: 'next' },
      ])
      await setWeights(workplace, [
        { ...blue, weight: 100 },
        { revision: green, weight: 0, label: 'next' },
      ])
      t.deepEqual(await revisionsOf(workplace), [blue, { label: 'next', revision: green, weight: 0 }])
      const after = Object.values(account().resources).reduce((sum, { writes }) => sum + writes, 0)
      t.is(after - before, 2, 'weights are two writes of the app, and nothing else')
      t.is(account().revisionsOf(`gptrt-${stack}`).length, 2)

      // A change of the gateway raises the alarm.
      await pulumi('config', 'set', 'drainTimeoutInSec', '1800')
      t.deepEqual(await changesOf(workplace), ['update gateway'])
      t.is(reportPreview(stack, (await preview()).steps).alarms.length, 1)
      await pulumi('config', 'rm', 'drainTimeoutInSec')

      if (stack === 'prod') {
        t.not((await workplace.attempt('destroy', '--yes', '--skip-preview')).code, 0, 'prod is protected')
        await pulumi('state', 'unprotect', '--all', '--yes')
      }
      await pulumi('destroy', '--yes', '--skip-preview', '--suppress-progress')
      t.deepEqual(Object.keys(account().resources), [])
      t.deepEqual(
        account()
          .softDeleted.map(id => id.split('/').at(-2))
          .sort(),
        ['accounts', 'vaults'],
        'what Azure keeps for a while, and the documents name',
      )
      await pulumi('stack', 'rm', '--yes')
    },
  )
}

withCli(`an update stops at placeholders before it creates anything (${needs})`, async t => {
  const workplace = setUp(t, 'prod')
  await workplace.pulumi('stack', 'init')
  const { code, text } = await workplace.attempt('up', ...quiet)
  t.not(code, 0)
  t.regex(text, /hostName: is a placeholder/)
  t.deepEqual(workplace.account().resources, {})
  const { diagnostics } = await workplace.preview()
  t.true(diagnostics.some(({ message }) => /hostName: is a placeholder/.test(message)))
})

withCli(
  `a key and TLS that come later need one update each, and a key can be taken away (${needs})`,
  async t => {
    const workplace = await createStack(t, 'dev')
    const { pulumi, account } = workplace
    const inputsOf = (kind: string) =>
      Object.values(account().resources).find(({ type }) => kindOf(type) === kind)?.inputs ?? {}
    const secrets = () => {
      const { configuration } = inputsOf(appType) as { configuration: { secrets: { name: string }[] } }
      return configuration.secrets.map(({ name }) => name)
    }
    const hasKeysOff = () =>
      (inputsOf('cognitiveservices:Account').properties as { disableLocalAuth: boolean }).disableLocalAuth
    await pulumi('config', 'set', 'openAiAuth', 'key')
    await pulumi('config', 'set', 'redis', 'off')
    await pulumi('up', ...quiet)
    t.deepEqual(secrets(), ['openai-key', 'gateway-keys'])
    const [keyed] = account().revisionsOf('gptrt-dev')
    await pulumi('config', 'set', 'openAiAuth', 'identity')
    await pulumi(
      'config',
      'set-all',
      ...['--plaintext', 'hostName=talk.contoso.com', '--plaintext', 'keyVaultResourceGroup=shared-rg'],
      ...['--plaintext', 'tlsCertificateSecretId=https://contoso-kv.vault.azure.net/secrets/gateway'],
    )
    await pulumi('up', ...quiet)
    t.deepEqual(secrets(), ['gateway-keys', 'openai-key'], 'the revision with the key is still active')
    t.false(hasKeysOff())
    await pulumi('up', ...quiet, '--expect-no-changes')
    const count = account().revisionsOf('gptrt-dev').length
    account().setActive(keyed?.name ?? '', false)
    await pulumi('up', ...quiet)
    t.deepEqual(secrets(), ['gateway-keys'])
    t.true(hasKeysOff())
    t.is(account().revisionsOf('gptrt-dev').length, count, 'no revision is made of it')
    await pulumi('up', ...quiet, '--expect-no-changes')
    await pulumi('config', 'set', 'containerTargetPort', '9000')
    const moved = await workplace.attempt('preview')
    t.not(moved.code, 0)
    t.regex(moved.text, /containerTargetPort: is 8080 since the first update/)
  },
)

withCli(
  `a closed stack of two regions with premium ingress and a budget comes up, stays, and goes (${needs})`,
  async t => {
    const workplace = await createStack(t, 'dev')
    const { pulumi, account } = workplace
    const settings = {
      network: 'private',
      registrySku: 'Premium',
      ingress: 'premium',
      openAiFailoverLocations: 'eastus2',
      sessionsPerReplica: '500',
      redis: 'on',
      monthlyBudget: '300',
      alertEmail: 'ops@example.com',
    }
    const values = Object.entries(settings).flatMap(([name, value]) => ['--plaintext', `${name}=${value}`])
    await pulumi('config', 'set-all', ...values)
    await pulumi('up', ...quiet)
    await pulumi('up', ...quiet, '--expect-no-changes')
    const kinds = Object.values(account().resources).map(({ type }) => kindOf(type))
    t.is(kinds.filter(kind => kind === 'network:PrivateEndpoint').length, 6)
    t.is(kinds.filter(kind => kind === 'cognitiveservices:Account').length, 2)
    t.deepEqual(tracingOf(workplace), ['role', 'scope', 'traces'])

    // Tracing taken away and made again: nothing of it is left, and nothing else goes.
    await pulumi('config', 'set', 'tracing', 'off')
    await pulumi('up', ...quiet)
    t.deepEqual(tracingOf(workplace), [])
    await pulumi('config', 'rm', 'tracing')
    await pulumi('up', ...quiet)
    await pulumi('up', ...quiet, '--expect-no-changes')
    t.deepEqual(tracingOf(workplace), ['role', 'scope', 'traces'])

    // The autoscaler's key of Redis, taken away and made again: one update each.
    for (const sessions of ['0', '500']) {
      await pulumi('config', 'set', 'sessionsPerReplica', sessions)
      await pulumi('up', ...quiet)
      await pulumi('up', ...quiet, '--expect-no-changes')
    }
    await pulumi('destroy', '--yes', '--skip-preview', '--suppress-progress')
    t.deepEqual(Object.keys(account().resources), [])
  },
)
