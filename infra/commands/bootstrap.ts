/** Makes what must be there before Pulumi: the services that the subscription knows, and the place of the state. */
import { createHash } from 'node:crypto'
import { type Ask, jsonOf } from './azure-cli.ts'
import { providers } from './providers.ts'

export interface Bootstrap {
  readonly location: string
  readonly group: string
  readonly container: string
}

export interface Hands {
  readonly ask: Ask
  readonly wait: (seconds: number) => Promise<void>
  readonly say: (line: string) => void
}

export const defaults: Bootstrap = { location: 'swedencentral', group: 'gateway-state', container: 'state' }

/** A role that was assigned a moment ago, and a provider, take minutes (seconds). */
const pollSec = 15
const patienceSec = 900

/** Names the state's storage account after the subscription, so that a second run finds the first one's. */
export function nameStateAccount(subscriptionId: string): string {
  return `gatewaystate${createHash('sha256').update(subscriptionId).digest('hex').slice(0, 10)}`
}

/**
 * Makes group, storage account, container and the right to use it; what is there stays as it is.
 * @returns the address for `pulumi login`
 * @throws what az said, or what was not done in a quarter of an hour
 */
export async function bootstrap(wanted: Bootstrap, hands: Hands): Promise<string> {
  const { ask, say } = hands
  const must = (...args: readonly string[]) => {
    const answer = ask(['az', ...args])
    if (!answer.ok) throw new Error(`az ${args.slice(0, 3).join(' ')} failed: ${answer.text}`)
    return answer
  }
  const account = jsonOf<{ id: string; user: { type: string } }>(must('account', 'show', '--output', 'json'))
  if (account === undefined) throw new Error('az account show said nothing: az login comes first')
  await registerProviders(hands)
  const name = nameStateAccount(account.id)
  const { group, location, container } = wanted
  must('group', 'create', '--name', group, '--location', location, '--output', 'none')
  say(`storage account ${name} in ${group}`)
  must(
    ...['storage', 'account', 'create', '--name', name, '--resource-group', group, '--location', location],
    ...['--sku', 'Standard_ZRS', '--min-tls-version', 'TLS1_2', '--allow-blob-public-access', 'false'],
    ...['--allow-shared-key-access', 'false', '--output', 'none'],
  )
  // By way of the resource, not of the data: the right to the data has not spread yet.
  must(
    ...['storage', 'container-rm', 'create', '--name', container, '--storage-account', name],
    ...['--resource-group', group, '--output', 'none'],
  )
  const scope = `/subscriptions/${account.id}/resourceGroups/${group}/providers/Microsoft.Storage/storageAccounts/${name}`
  const who = must('ad', 'signed-in-user', 'show', '--query', 'id', '--output', 'tsv').text
  must(
    ...['role', 'assignment', 'create', '--role', 'Storage Blob Data Contributor', '--scope', scope],
    ...['--assignee-object-id', who, '--assignee-principal-type', 'User', '--output', 'none'],
  )
  await waitUntil('the right to the state', hands, () => {
    const list = ['storage', 'blob', 'list', '--container-name', container, '--account-name', name]
    return ask(['az', ...list, '--auth-mode', 'login', '--output', 'none']).ok
  })
  return `azblob://${container}?storage_account=${name}`
}

async function registerProviders(hands: Hands): Promise<void> {
  const { ask, say } = hands
  for (const namespace of providers)
    ask(['az', 'provider', 'register', '--namespace', namespace, '--output', 'none'])
  const missing = () => {
    const listed = jsonOf<{ namespace: string; registrationState: string }[]>(
      ask(['az', 'provider', 'list', '--output', 'json']),
    )
    return providers.filter(
      name =>
        listed?.find(({ namespace }) => namespace.toLowerCase() === name.toLowerCase())?.registrationState !==
        'Registered',
    )
  }
  await waitUntil('the providers', hands, () => {
    const left = missing()
    if (left.length > 0) say(`not registered yet: ${left.join(', ')}`)
    return left.length === 0
  })
}

async function waitUntil(what: string, { wait, say }: Hands, isDone: () => boolean): Promise<void> {
  for (let waited = 0; waited <= patienceSec; waited += pollSec) {
    if (isDone()) return
    say(`waiting for ${what}`)
    await wait(pollSec)
  }
  throw new Error(`${what} was not there after ${patienceSec / 60} minutes: run this again`)
}
