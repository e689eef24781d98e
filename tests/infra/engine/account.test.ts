/** The stand-in's account refuses what Azure refuses: else the engine test would prove nothing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type AskedResource, type Run, runProgram, stackFile } from '../azure.ts'
import { Account } from './account.ts'

const azure = (kind: string) => `azure-native:${kind}`

/** An account in which a stack of the program stands, but for what the test leaves to itself. */
async function standing(t: ExecutionContext, leftOut: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'account-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const account = new Account(join(folder, 'account.json'))
  const { resources } = await runProgram()
  const waiting = resources.filter(
    ({ type, name }) => type.startsWith('azure-native:') && !leftOut.includes(name),
  )
  const ids = new Map<string, string>()
  // In the order in which they depend on each other.
  for (let left = [...waiting]; left.length > 0; ) {
    const next =
      left.find(({ after }) => after.every(name => !left.some(other => other.name === name))) ?? left[0]
    if (next === undefined) break
    left = left.filter(resource => resource !== next)
    ids.set(next.name, (await account.create(next.type, next.inputs)).id)
  }
  const find = (name: string): AskedResource => {
    const found = resources.find(resource => resource.name === name)
    if (found === undefined) throw new Error(`${name} is not in the program`)
    return found
  }
  return { account, find, idOf: (name: string) => ids.get(name) ?? '' }
}

test.serial('a secret cannot be deleted, nor a subnet that an environment was in', async t => {
  const { account, idOf } = await standing(t)
  await t.throwsAsync(account.delete(azure('keyvault:Secret'), idOf('secret-gateway-keys')), {
    message: /^403/,
  })
  await t.throwsAsync(account.delete(azure('app:ManagedEnvironment'), idOf('environment')), {
    message: /HasContainerApps/,
  })
  await account.delete(azure('app:ContainerApp'), idOf('app'))
  await account.delete(azure('app:ManagedEnvironment'), idOf('environment'))
  await t.throwsAsync(account.delete(azure('network:Subnet'), idOf('apps-subnet')), { message: /InUse/ })
})

test.serial(
  'the deletion of a group takes all that is in it; names of accounts and vaults stay blocked, diagnostic settings stay',
  async t => {
    const { account, find, idOf } = await standing(t)
    await account.delete(azure('resources:ResourceGroup'), idOf('group'))
    t.deepEqual(
      Object.keys(account.resources).map(id => id.split('/').at(-2)),
      ['diagnosticSettings', 'diagnosticSettings', 'diagnosticSettings'],
    )
    const openAi = find('openai')
    await account.create(find('group').type, find('group').inputs)
    await t.throwsAsync(account.create(openAi.type, openAi.inputs), { message: /FlagMustBeSetForRestore/ })
  },
)

test.serial('a parent takes one write at a time', async t => {
  const { account, find } = await standing(t, ['transcription-deployment', 'openai-deployment'])
  const [talking, writing] = ['openai-deployment', 'transcription-deployment'].map(find)
  const writes = [talking, writing].map(resource =>
    account.create(resource?.type ?? '', resource?.inputs ?? {}),
  )
  const [first, second] = await Promise.allSettled(writes)
  t.is(first?.status, 'fulfilled')
  t.regex(String(second?.status === 'rejected' ? second.reason : ''), /AnotherOperationInProgress/)
})

test.serial('what exists cannot be created, what is not there cannot be named', async t => {
  const { account, find, idOf } = await standing(t)
  await t.throwsAsync(account.create(find('registry').type, find('registry').inputs), {
    message: /already existing/,
  })
  const app = find('app')
  const elsewhere = `${idOf('environment')}-other`
  await t.throwsAsync(account.update(app.type, idOf('app'), { ...app.inputs, environmentId: elsewhere }), {
    message: /404 ResourceNotFound/,
  })
})

test.serial('a quota is a quota, and a shape that ARM refuses is refused', async t => {
  const { account, find, idOf } = await standing(t)
  const { type, inputs } = find('openai-deployment')
  const sku = { name: 'GlobalStandard', capacity: 11 }
  await t.throwsAsync(account.update(type, idOf('openai-deployment'), { ...inputs, sku }), {
    message: /InsufficientQuota: 11 units .* 10 are free/,
  })
  const ip = find('public-ip')
  await t.throwsAsync(
    account.update(ip.type, idOf('public-ip'), { ...ip.inputs, idleTimeoutInMinutes: 31 }),
    {
      message: /400 BadRequest: network:PublicIPAddress idleTimeoutInMinutes/,
    },
  )
})

test.serial(
  'an app whose identity may not pull, or whose traffic names a revision that does not run, is refused',
  async t => {
    const { account, find, idOf } = await standing(t)
    const app = find('app')
    await account.delete(azure('authorization:RoleAssignment'), idOf('platform-may-pull'))
    await t.throwsAsync(account.update(app.type, idOf('app'), app.inputs), {
      message: /403 Forbidden: .* registries/,
    })
    const { account: other, idOf: otherId } = await standing(t)
    const { configuration } = app.inputs as { configuration: { ingress: object } }
    const traffic = [{ revisionName: 'gptrt-dev--rgone', weight: 100 }]
    const changed = { ...configuration, ingress: { ...configuration.ingress, traffic } }
    await t.throwsAsync(other.update(app.type, otherId('app'), { ...app.inputs, configuration: changed }), {
      message: /RevisionNotFound/,
    })
  },
)

test.serial(
  'a secret that an active revision uses cannot be taken from the app, by whatever update',
  async t => {
    const { account, find, idOf } = await standing(t)
    const app = find('app')
    const { configuration, template } = app.inputs as {
      configuration: { ingress: object; secrets: object[] }
      template: { containers: { env: { secretRef?: string }[] }[] }
    }
    const [container = { env: [] }] = template.containers
    const env = container.env.filter(({ secretRef }) => secretRef === undefined)
    const traffic = [{ revisionName: 'gptrt-dev--rnext', weight: 100 }]
    const next = {
      ...app.inputs,
      configuration: { ...configuration, ingress: { ...configuration.ingress, traffic }, secrets: [] },
      template: { ...template, containers: [{ ...container, env }], revisionSuffix: 'rnext' },
    }
    await t.throwsAsync(account.update(app.type, idOf('app'), next), {
      message: /ContainerAppSecretRefNotFound: gateway-keys, used by gptrt-dev--r/,
    })
    for (const { name } of account.revisionsOf('gptrt-dev')) account.setActive(name, false)
    await t.notThrowsAsync(account.update(app.type, idOf('app'), next))
  },
)

test.serial('keys of an account that has none on are refused', async t => {
  const { account, find } = await standing(t)
  t.throws(() => account.keysOf(String(find('openai').inputs.accountName)), {
    message: /authentication is disabled/,
  })
})

for (const [stack, weighted] of [
  ['dev', 1],
  ['prod', 2],
] as const) {
  test.serial(`${stack}: a setting that is taken back runs in a revision that is active`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'account-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const account = new Account(join(folder, 'account.json'))
    const voiceOf = (value: string) => ({ variables: [{ name: 'REALTIME_VOICE', value }] })
    const update = async (voice: string, outputs: Record<string, unknown>) => {
      const config = { ...stackFile(stack), ...voiceOf(voice) }
      return runProgram({
        stack,
        config,
        previous: (outputs.revisions ?? []) as object[],
        previousOutputs: { revisionSuffixes: outputs.revisionSuffixes },
      })
    }
    const name = `gptrt-${stack}`
    const namesOf = ({ outputs }: Run) =>
      (outputs.revisions as { revision: string }[]).map(({ revision }) => revision)
    const run = async (voice: string, before: Record<string, unknown>) => {
      const result = await update(voice, before)
      const { template } = result.find(azure('app:ContainerApp')).inputs as {
        template: { revisionSuffix: string }
      }
      account.noteRevision(name, template)
      const active = account.revisionsOf(name).filter(revision => revision.active)
      for (const listed of namesOf(result))
        t.true(
          active.some(revision => revision.name === listed),
          `${voice}: ${listed} runs`,
        )
      // As `npm run azure:retire` does.
      for (const { name: revision } of active)
        if (!namesOf(result).includes(revision)) account.setActive(revision, false)
      return result
    }
    const first = await run('marin', {})
    // The roll-out is over: all traffic is on the new revision, and the old one is gone.
    const full = ({ outputs }: Run) => {
      const newest = `${name}--${(outputs.revisionSuffixes as string[]).at(-1)}`
      return { ...outputs, revisions: [{ revision: newest, weight: 100 }] }
    }
    const second = await run('cedar', first.outputs)
    for (const { name: revision } of account.revisionsOf(name))
      account.setActive(revision, full(second).revisions[0]?.revision === revision)
    const third = await run('marin', full(second))
    t.is(namesOf(third).length, weighted)
    t.is(account.revisionsOf(name).length, 3, 'a revision of its own')
    const again = await run('marin', third.outputs)
    t.deepEqual(again.outputs, third.outputs, 'an unchanged update changes nothing')
    t.is(account.revisionsOf(name).length, 3)
  })
}
