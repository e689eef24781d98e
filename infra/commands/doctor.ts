/**
 * Looks for what would stop a first update, before it creates anything: sign-in, providers, roles, model, quota, names,
 * what was deleted and is kept. Reads only.
 */
import { judgeModel, type ListedModel, listPaths, type Usage } from '../model-quota.ts'
import { type Names, nameEverything } from '../names.ts'
import { listWanted } from '../preflight-models.ts'
import type { Settings } from '../settings.ts'
import { type Answer, type Ask, jsonOf } from './azure-cli.ts'
import { providers } from './providers.ts'

export interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'fault'
  readonly found: string
  /** What to do; empty where nothing is to be done. */
  readonly advice: string
}

interface Account {
  readonly id: string
  readonly tenantId: string
  readonly user: { readonly name: string; readonly type: string }
}

/** Oldest tools that the program works with. */
const oldestNode = [22, 18] as const

const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found, advice: '' })
const fault = (check: string, found: string, advice: string): Finding => ({
  check,
  state: 'fault',
  found,
  advice,
})
const warning = (check: string, found: string, advice: string): Finding => ({
  check,
  state: 'warning',
  found,
  advice,
})
const az = (...args: readonly string[]) => ['az', ...args, '--output', 'json']
const rest = (path: string) => az('rest', '--method', 'get', '--url', `https://management.azure.com${path}`)
const listOf = (answer: Answer) => jsonOf<{ value?: unknown[] }>(answer)?.value

/** Runs all checks of a stack; those that need a sign-in only where there is one. */
export function diagnose(settings: Settings, ask: Ask): Finding[] {
  const tools = [...checkTools(settings, ask), ...checkConfiguration(settings)]
  const shown = ask(az('account', 'show'))
  const account = jsonOf<Account>(shown)
  if (account === undefined)
    return [
      ...tools,
      shown.isAbsent
        ? fault('az', shown.text, 'install the Azure CLI, then az login')
        : fault('sign-in', 'az is not signed in', 'az login, then az account set --subscription NAME'),
    ]
  const names = nameEverything(settings, account.id)
  return [
    ...tools,
    ok('sign-in', `${account.user.name} in the subscription ${account.id}`),
    ...checkProviders(ask),
    checkRoles(account, ask),
    ...checkModels(settings, account, ask),
    ...checkNames(settings, names, account, ask),
    ...checkCertificate(settings, ask),
  ]
}

function checkTools(settings: Settings, ask: Ask): Finding[] {
  const node = ask(['node', '--version'])
  const [major = 0, minor = 0] = node.text.replace('v', '').split('.').map(Number)
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  const pulumi = ask(['pulumi', 'version'])
  const state = pulumi.ok ? ask(['pulumi', 'whoami', '--json']) : undefined
  const docker = settings.imageRef === undefined ? ask(['docker', 'buildx', 'version']) : undefined
  return [
    isNew
      ? ok('node', node.text)
      : fault('node', node.text, 'node setup.mjs, then export PATH="$PWD/node_modules/.bin:$PATH"'),
    pulumi.ok
      ? ok('pulumi', pulumi.text)
      : fault(
          'pulumi',
          'is not on the path',
          'curl -fsSL https://get.pulumi.com | sh, or open the devcontainer',
        ),
    ...(state === undefined
      ? []
      : [
          state.ok
            ? ok('state', 'pulumi is signed in to a backend')
            : fault('state', state.text, 'npm run azure:bootstrap makes one, and prints how to sign in'),
        ]),
    ...(docker === undefined
      ? []
      : [
          docker.ok
            ? ok('docker', docker.text)
            : fault('docker', docker.text, 'start Docker, or set imageRef to an image that is built already'),
        ]),
  ]
}

function checkConfiguration(settings: Settings): Finding[] {
  return settings.warnings.map(text =>
    / is a placeholder;/.test(text)
      ? fault('configuration', text, `edit Pulumi.${settings.stack}.yaml`)
      : warning('configuration', text, ''),
  )
}

function checkProviders(ask: Ask): Finding[] {
  const listed = jsonOf<{ namespace: string; registrationState: string }[]>(ask(az('provider', 'list')))
  if (listed === undefined)
    return [fault('providers', 'cannot be listed', 'the subscription needs the role Reader at least')]
  const missing = providers.filter(
    name =>
      listed.find(({ namespace }) => namespace.toLowerCase() === name.toLowerCase())?.registrationState !==
      'Registered',
  )
  if (missing.length === 0) return [ok('providers', `${providers.length} are registered`)]
  return missing.map(name =>
    fault('providers', `${name} is not registered`, `az provider register --wait --namespace ${name}`),
  )
}

/** Who creates the stack writes resources, and role assignments for its identities. */
function checkRoles({ id, user }: Account, ask: Ask): Finding {
  const scope = `/subscriptions/${id}`
  const list = az('role', 'assignment', 'list', '--assignee', user.name, '--scope', scope)
  const assigned = jsonOf<{ roleDefinitionName: string }[]>(
    ask([...list, '--include-inherited', '--include-groups']),
  )
  if (assigned === undefined)
    return warning(
      'roles',
      'cannot be listed',
      'see that you are Owner, or Contributor and Role Based Access Control Administrator',
    )
  const has = (...names: string[]) =>
    assigned.some(({ roleDefinitionName }) => names.includes(roleDefinitionName))
  const found = assigned.map(({ roleDefinitionName }) => roleDefinitionName).join(', ') || 'none'
  if (has('Owner')) return ok('roles', found)
  if (!has('Contributor')) return fault('roles', found, `ask for Contributor on ${scope}`)
  return has('User Access Administrator', 'Role Based Access Control Administrator')
    ? ok('roles', found)
    : fault('roles', found, `ask for Role Based Access Control Administrator on ${scope}`)
}

function checkModels(settings: Settings, { id }: Account, ask: Ask): Finding[] {
  if (settings.openAiAccountIds.length > 0) return []
  return [settings.openAiLocation, ...settings.openAiFailoverLocations].flatMap(location => {
    const paths = listPaths(id, location)
    const models = listOf(ask(rest(paths.models))) as ListedModel[] | undefined
    const usages = listOf(ask(rest(paths.usages))) as Usage[] | undefined
    if (models === undefined || usages === undefined)
      return [
        warning(
          'model',
          `${location}: the lists of models and quota cannot be read`,
          'register Microsoft.CognitiveServices first, then ask again',
        ),
      ]
    // A stack that is there already holds its own units, which its preview knows.
    return listWanted(settings, location, []).map(wanted => {
      const { state, text } = judgeModel(wanted, location, models, usages)
      if (state === 'enough') return ok('model', text)
      if (state === 'unknown') return warning('model', text, '')
      return state === 'too little'
        ? fault(
            'model',
            text,
            'lower openAiDeploymentCapacity, choose another openAiLocation, or ask for more at https://aka.ms/oai/quotaincrease',
          )
        : fault('model', text, 'choose another openAiLocation, openAiModelName or openAiModelVersion')
    })
  })
}

function checkNames(settings: Settings, names: Names, { id }: Account, ask: Ask): Finding[] {
  const group = ask(['az', 'group', 'exists', '--name', names.group])
  if (group.text === 'true')
    return [ok('names', `${names.group} is there already: an update keeps its names`)]
  return [
    ...(settings.registryId === undefined ? [checkRegistryName(names, ask)] : []),
    checkDnsLabel(settings, names, id, ask),
    ...checkDeletedAccounts(settings, names, ask),
    ...(settings.keyVaultId === undefined ? [checkVaultName(names, ask)] : []),
  ]
}

function checkRegistryName({ registry }: Names, ask: Ask): Finding {
  const answer = jsonOf<{ nameAvailable: boolean; message?: string }>(
    ask(az('acr', 'check-name', '--name', registry)),
  )
  if (answer === undefined) return warning('names', `${registry}: cannot be checked`, '')
  return answer.nameAvailable
    ? ok('names', `registry ${registry} is free`)
    : fault('names', `registry ${registry}: ${answer.message ?? 'taken'}`, 'set another prefix')
}

function checkDnsLabel({ location }: Settings, { dnsLabel }: Names, id: string, ask: Ask): Finding {
  const path = `/subscriptions/${id}/providers/Microsoft.Network/locations/${location}/CheckDnsNameAvailability?domainNameLabel=${dnsLabel}&api-version=2024-05-01`
  const answer = jsonOf<{ available: boolean }>(ask(rest(path)))
  if (answer === undefined) return warning('names', `${dnsLabel}: cannot be checked`, '')
  return answer.available
    ? ok('names', `public name ${dnsLabel}.${location}.cloudapp.azure.com is free`)
    : fault('names', `public name ${dnsLabel} is taken`, 'set another prefix')
}

/** A deleted account keeps its name and its quota for 48 hours. */
function checkDeletedAccounts(settings: Settings, names: Names, ask: Ask): Finding[] {
  if (settings.openAiAccountIds.length > 0) return []
  const deleted = jsonOf<{ id: string; name: string }[]>(
    ask(az('cognitiveservices', 'account', 'list-deleted')),
  )
  if (deleted === undefined) return [warning('deleted accounts', 'cannot be listed', '')]
  const ours = deleted.filter(
    ({ name }) => name === names.openAiAccount || name.startsWith(`${names.openAiAccount}-`),
  )
  if (ours.length === 0) return [ok('deleted accounts', `none is called ${names.openAiAccount}`)]
  return ours.map(({ id, name }) =>
    fault(
      'deleted accounts',
      `${name} was deleted, and is kept for 48 hours`,
      `az resource delete --ids ${id}`,
    ),
  )
}

function checkVaultName({ vault }: Names, ask: Ask): Finding {
  const deleted = jsonOf<{ name: string }[]>(ask(az('keyvault', 'list-deleted', '--resource-type', 'vault')))
  if (deleted?.some(({ name }) => name === vault))
    return fault(
      'names',
      `key vault ${vault} was deleted, and is kept for 7 days`,
      `az keyvault purge --name ${vault}`,
    )
  const answer = jsonOf<{ nameAvailable: boolean; message?: string }>(
    ask(az('keyvault', 'check-name', '--name', vault)),
  )
  if (answer === undefined) return warning('names', `${vault}: cannot be checked`, '')
  return answer.nameAvailable
    ? ok('names', `key vault ${vault} is free`)
    : fault('names', `key vault ${vault}: ${answer.message ?? 'taken'}`, 'set another prefix')
}

function checkCertificate(
  { tlsCertificateSecretId, keyVaultResourceGroup, warnings }: Settings,
  ask: Ask,
): Finding[] {
  if (tlsCertificateSecretId === undefined || keyVaultResourceGroup === undefined) return []
  if (warnings.some(text => text.startsWith('tlsCertificateSecretId: is a placeholder'))) return []
  const [vault = ''] = new URL(tlsCertificateSecretId).hostname.split('.')
  const shown = jsonOf<{ properties: { enableRbacAuthorization?: boolean } }>(
    ask(az('keyvault', 'show', '--name', vault, '--resource-group', keyVaultResourceGroup)),
  )
  if (shown === undefined)
    return [
      fault(
        'certificate',
        `there is no key vault ${vault} in ${keyVaultResourceGroup}`,
        'put the certificate into it first: docs/azure/first-day.md',
      ),
    ]
  return shown.properties.enableRbacAuthorization
    ? [ok('certificate', `the key vault ${vault} is there, and takes role assignments`)]
    : [
        fault(
          'certificate',
          `the key vault ${vault} takes access policies`,
          `az keyvault update --name ${vault} --enable-rbac-authorization true`,
        ),
      ]
}
