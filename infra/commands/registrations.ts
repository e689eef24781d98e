/** Registers the workflows of a repository with Entra ID: an identity that deploys, one that only reads. */
import { type Ask, jsonOf } from './azure-cli.ts'

export interface Registration {
  /** `OWNER/REPO`. */
  readonly repository: string
  readonly subscriptionId: string
  readonly tenantId: string
  /** Resource id of the state's storage account. */
  readonly stateAccountId: string
  /** Stacks, which are the environments' names. */
  readonly stacks: readonly string[]
}

const issuer = 'https://token.actions.githubusercontent.com'
const audience = 'api://AzureADTokenExchange'

interface Customization {
  readonly sub_claim_prefix?: string
  readonly use_immutable_subject?: boolean
}

/**
 * Reads how the subject of a repository's tokens begins. A repository that was created, renamed or transferred since
 * 15 July 2026 has ids beside its names (github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens).
 * @throws when GitHub does not say
 */
export function readSubjectPrefix(repository: string, ask: Ask): string {
  const answer = ask(['gh', 'api', `repos/${repository}/actions/oidc/customization/sub`])
  const customization = jsonOf<Customization>(answer)
  if (customization === undefined) throw new Error(`gh api repos/${repository} failed: ${answer.text}`)
  if (customization.sub_claim_prefix !== undefined) return customization.sub_claim_prefix
  if (customization.use_immutable_subject !== true) return `repo:${repository}`
  const ids = jsonOf<{ id: number; owner: { id: number } }>(ask(['gh', 'api', `repos/${repository}`]))
  if (ids === undefined) throw new Error(`gh api repos/${repository} told no ids`)
  const [owner = '', name = ''] = repository.split('/')
  return `repo:${owner}@${ids.owner.id}/${name}@${ids.id}`
}

interface Role {
  readonly role: string
  readonly scope: string
}

/** Makes both registrations with their credentials and roles, and tells the repository of them; what is there stays. */
export function register(wanted: Registration, ask: Ask, say: (line: string) => void): void {
  const prefix = readSubjectPrefix(wanted.repository, ask)
  say(`subjects begin with ${prefix}`)
  const subscription = `/subscriptions/${wanted.subscriptionId}`
  const { stacks, stateAccountId } = wanted
  const deployer = makeIdentity(ask, {
    name: `${wanted.repository.split('/')[1]}-deploy`,
    subjects: stacks.map(stack => `${prefix}:environment:${stack}`),
    roles: [
      { role: 'Contributor', scope: subscription },
      { role: 'Role Based Access Control Administrator', scope: subscription },
      { role: 'Storage Blob Data Contributor', scope: stateAccountId },
    ],
  })
  const reader = makeIdentity(ask, {
    name: `${wanted.repository.split('/')[1]}-preview`,
    subjects: stacks.map(stack => `${prefix}:environment:${stack}-preview`),
    roles: [
      { role: 'Reader', scope: subscription },
      { role: 'Storage Blob Data Reader', scope: stateAccountId },
    ],
  })
  const account = stateAccountId.split('/').at(-1)
  tellRepository(ask, wanted, {
    AZURE_CLIENT_ID: deployer,
    AZURE_PREVIEW_CLIENT_ID: reader,
    AZURE_TENANT_ID: wanted.tenantId,
    AZURE_SUBSCRIPTION_ID: wanted.subscriptionId,
    PULUMI_BACKEND_URL: `azblob://state?storage_account=${account}`,
    PULUMI_STACKS: JSON.stringify(stacks),
  })
  say(`${wanted.repository} deploys as ${deployer} and previews as ${reader}`)
}

interface WantedIdentity {
  readonly name: string
  readonly subjects: readonly string[]
  readonly roles: readonly Role[]
}

/** Runs az and returns what it prints. @throws what az said */
type Az = (...args: readonly string[]) => string

/**
 * Finds a registration by its whole name: `--display-name` of az takes it for the beginning of a name
 * (Azure/azure-cli#23053), and roles of the subscription would go to another's application.
 * @throws where several have the name: it is not unique in a tenant
 */
function findApp(az: Az, name: string): string | undefined {
  const found = readList<{ appId: string; displayName: string }>(
    az(
      ...['ad', 'app', 'list', '--display-name', name, '--output', 'json'],
      ...['--query', '[].{appId:appId,displayName:displayName}'],
    ),
  ).filter(({ displayName }) => displayName === name)
  if (found.length > 1)
    throw new Error(
      `${found.length} app registrations are called ${name} (${found.map(({ appId }) => appId).join(', ')}): rename those that are not of this repository (az ad app update --id ID --display-name NAME)`,
    )
  return found[0]?.appId
}

/** @throws where az did not print a list */
function readList<T>(text: string): readonly T[] {
  const list = jsonOf<T[]>({ ok: true, text })
  if (!Array.isArray(list)) throw new Error('az printed no list as JSON')
  return list
}

/** @returns the client id */
function makeIdentity(ask: Ask, { name, subjects, roles }: WantedIdentity): string {
  const must: Az = (...args) => {
    const answer = ask(['az', ...args])
    if (!answer.ok) throw new Error(`az ${args.slice(0, 3).join(' ')} failed: ${answer.text}`)
    return answer.text
  }
  const appId =
    findApp(must, name) ??
    must('ad', 'app', 'create', '--display-name', name, '--query', 'appId', '--output', 'tsv')
  // Answers with a fault where the principal is there already.
  ask(['az', 'ad', 'sp', 'create', '--id', appId, '--output', 'none'])
  const credentials = ['ad', 'app', 'federated-credential'] as const
  const held = readList<{ name: string; subject: string }>(
    must(
      ...[...credentials, 'list', '--id', appId, '--output', 'json'],
      ...['--query', '[].{name:name,subject:subject}'],
    ),
  )
  for (const subject of subjects.filter(wanted => !held.some(other => other.subject === wanted))) {
    const credential = { name: subject.split(':').at(-1), issuer, subject, audiences: [audience] }
    // A repository that was transferred, or whose subjects got ids: the name is taken, by a subject of the past.
    const write = held.some(({ name }) => name === credential.name)
      ? ['update', '--federated-credential-id', String(credential.name)]
      : ['create']
    must(
      ...[...credentials, ...write, '--id', appId],
      ...['--parameters', JSON.stringify(credential), '--output', 'none'],
    )
  }
  const principal = must('ad', 'sp', 'show', '--id', appId, '--query', 'id', '--output', 'tsv')
  for (const { role, scope } of roles)
    must(
      ...['role', 'assignment', 'create', '--role', role, '--scope', scope, '--output', 'none'],
      ...['--assignee-object-id', principal, '--assignee-principal-type', 'ServicePrincipal'],
    )
  return appId
}

function tellRepository(
  ask: Ask,
  { repository, stacks }: Registration,
  variables: Readonly<Record<string, string>>,
): void {
  const must = (...args: readonly string[]) => {
    const answer = ask(['gh', ...args])
    if (!answer.ok) throw new Error(`gh ${args.slice(0, 2).join(' ')} failed: ${answer.text}`)
  }
  for (const environment of stacks.flatMap(stack => [stack, `${stack}-preview`])) {
    const path = `repos/${repository}/environments/${environment}`
    // To write one that is there would take its reviewers and branches away, which this command does not know.
    const found = ask(['gh', 'api', path, '--silent'])
    if (found.ok) continue
    if (!/\bHTTP 404\b/.test(found.text)) throw new Error(`gh api ${path} failed: ${found.text}`)
    must('api', '--method', 'PUT', path, '--silent')
  }
  for (const [name, body] of Object.entries(variables))
    must('variable', 'set', name, '--repo', repository, '--body', body)
}
