/**
 * A subscription of Azure, as far as the program's resources meet it: what it refuses, what it adds, what stays
 * behind. Kept in a file between runs.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { guidLike, type Inputs, idOf, kindOf, outputsOf } from '../resource-answers.ts'
import { shapes } from '../shapes.ts'
import { reveal } from './wire.ts'

export interface Revision {
  readonly name: string
  readonly template: string
  active: boolean
}

interface Template {
  readonly revisionSuffix: string
}

export interface Kept {
  readonly type: string
  readonly inputs: Inputs
  readonly outputs: Inputs
  /** Writes so far. */
  readonly writes: number
}

interface State {
  resources: Record<string, Kept>
  /** Ids of what is kept after its deletion, and blocks its name. */
  softDeleted: string[]
  revisions: Record<string, Revision[]>
  /** Subnets that an environment was in: each stays in use for minutes after the environment is gone. */
  linkedSubnets: string[]
}

const emptyState: State = { resources: {}, softDeleted: [], revisions: {}, linkedSubnets: [] }

/** An answer that is no success. */
export class Refusal extends Error {
  override name = 'Refusal'
}

/** Units that a new subscription has of a model in a region. */
const modelQuota = 10
const transcriptionQuota = 100
/** How long a write takes (ms): long enough that two at once meet. */
const writeMs = 25

/** Kinds whose parent takes one write at a time, and the parent's part of the id. */
const oneAtATime: Readonly<Record<string, RegExp>> = {
  'cognitiveservices:Deployment': /\/deployments\/[^/]+$/,
  'network:Subnet': /\/subnets\/[^/]+$/,
  'redisenterprise:AccessPolicyAssignment': /\/databases\/.*$/,
  'redisenterprise:Database': /\/databases\/.*$/,
}

/** Kinds that stay after their deletion under a name that is blocked. */
const softDeletes = new Set(['cognitiveservices:Account', 'keyvault:Vault'])

export class Account {
  readonly #file: string
  readonly #busy = new Set<string>()
  #state: State

  /** @param file holds the account between runs; made when it is not there */
  constructor(file: string) {
    this.#file = file
    this.#state = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as State)
      : structuredClone(emptyState)
  }

  get resources(): Readonly<Record<string, Kept>> {
    return this.#state.resources
  }

  get softDeleted(): readonly string[] {
    return this.#state.softDeleted
  }

  revisionsOf(app: string): readonly Revision[] {
    return Object.entries(this.#state.revisions).find(([id]) => id.endsWith(`/${app}`))?.[1] ?? []
  }

  /** What a write of an app's template does to its revisions, without the rest of the app. */
  noteRevision(app: string, template: Template): void {
    this.#noteRevision(`/${app}`, template)
    this.#save()
  }

  /** As `az containerapp revision deactivate` and `activate` do. */
  setActive(revision: string, active: boolean): void {
    for (const list of Object.values(this.#state.revisions))
      for (const entry of list) if (entry.name === revision) entry.active = active
    this.#save()
  }

  read(id: string): Kept | undefined {
    return this.#state.resources[id]
  }

  /** Creates a resource. @throws Refusal */
  async create(type: string, inputs: Inputs): Promise<{ id: string; outputs: Inputs }> {
    const id = this.#placeNew(type, inputs)
    if (this.#state.resources[id] !== undefined)
      throw new Refusal(`cannot create already existing resource ${id}`)
    if (this.#state.softDeleted.includes(id))
      throw new Refusal(`409 FlagMustBeSetForRestore: ${id} was deleted, and is kept`)
    return { id, outputs: await this.#write(type, id, inputs) }
  }

  /** Updates a resource. @throws Refusal */
  async update(type: string, id: string, inputs: Inputs): Promise<Inputs> {
    if (this.#state.resources[id] === undefined) throw new Refusal(`404 ResourceNotFound: ${id}`)
    return this.#write(type, id, inputs)
  }

  /** Deletes a resource, a group with all that is in it. @throws Refusal */
  async delete(type: string, id: string): Promise<void> {
    const kind = kindOf(type)
    if (kind === 'keyvault:Secret')
      throw new Refusal('403 ForbiddenByRbac: the caller may not delete secrets on the data plane')
    if (kind === 'network:Subnet' && this.#state.linkedSubnets.includes(id))
      throw new Refusal(`400 InUseSubnetCannotBeDeleted: ${id} is linked to legionservicelink`)
    if (kind === 'app:ManagedEnvironment' && this.#within(id, 'app:ContainerApp').length > 0)
      throw new Refusal(`409 ManagedEnvironmentHasContainerApps: ${id}`)
    const gone = kind === 'resources:ResourceGroup' ? this.#idsBelow(id) : this.#idsBelow(id, '/')
    for (const below of [id, ...gone]) this.#remove(below)
    this.#save()
  }

  /** @throws Refusal where keys are off */
  keysOf(name: string): Inputs {
    const account = Object.values(this.#state.resources).find(
      ({ type, inputs }) => kindOf(type) === 'cognitiveservices:Account' && inputs.accountName === name,
    )
    if (account === undefined) throw new Refusal(`404 ResourceNotFound: ${name}`)
    if ((account.inputs.properties as Inputs).disableLocalAuth)
      throw new Refusal(`400 BadRequest: key based authentication is disabled for ${name}`)
    return { key1: `first-key-of-${name}`, key2: `second-key-of-${name}` }
  }

  /** @throws Refusal where keys are off */
  redisKeysOf(clusterName: string): Inputs {
    const database = Object.values(this.#state.resources).find(
      ({ type, inputs }) => kindOf(type) === 'redisenterprise:Database' && inputs.clusterName === clusterName,
    )
    if (database === undefined) throw new Refusal(`404 ResourceNotFound: ${clusterName}`)
    if (database.inputs.accessKeysAuthentication !== 'Enabled')
      throw new Refusal(`400 BadRequest: access keys are disabled for ${clusterName}`)
    return { primaryKey: `first-key-of-${clusterName}`, secondaryKey: `second-key-of-${clusterName}` }
  }

  #placeNew(type: string, inputs: Inputs): string {
    if (kindOf(type) !== 'authorization:RoleAssignment') return idOf(type, inputs)
    // The provider names an assignment that has no name.
    const roleAssignmentName = guidLike(
      `${JSON.stringify(inputs)}-${Object.keys(this.#state.resources).length}`,
    )
    return idOf(type, { ...inputs, roleAssignmentName })
  }

  async #write(type: string, id: string, inputs: Inputs): Promise<Inputs> {
    const kind = kindOf(type)
    this.#checkShape(kind, inputs)
    this.#checkReferences(id, inputs)
    this.#checkRules(kind, id, inputs)
    const parentPart = oneAtATime[kind]
    const parent = parentPart && id.replace(parentPart, '')
    if (parent !== undefined && this.#busy.has(parent))
      throw new Refusal(`409 AnotherOperationInProgress: ${parent}`)
    if (parent !== undefined) this.#busy.add(parent)
    await new Promise(resolve => setTimeout(resolve, writeMs))
    if (parent !== undefined) this.#busy.delete(parent)
    const name = id.split('/').at(-1)
    const outputs = {
      ...outputsOf(type, { ...inputs, roleAssignmentName: name }, { digest: '', previous: {} }),
      name,
    }
    this.#note(kind, id, inputs)
    const writes = (this.#state.resources[id]?.writes ?? 0) + 1
    this.#state.resources[id] = { type, inputs, outputs, writes }
    this.#save()
    return outputs
  }

  /** What the resource's own interface takes: fields, enumerations, bounds. */
  #checkShape(kind: string, inputs: Inputs): void {
    const shape = shapes[kind]
    if (shape === undefined) throw new Refusal(`404 NoRegisteredProviderFound: ${kind}`)
    const checked = shape.safeParse(reveal(inputs, 'hide'))
    const [issue] = checked.error?.issues ?? []
    if (issue !== undefined)
      throw new Refusal(`400 BadRequest: ${kind} ${issue.path.join('.')}: ${issue.message}`)
  }

  /** Every id that a resource names must be there, unless it stands in a group that is not of this account's making. */
  #checkReferences(id: string, inputs: Inputs): void {
    for (const [named] of JSON.stringify(reveal(inputs, 'hide')).matchAll(/\/subscriptions\/[^"]+/g)) {
      const [group = ''] = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/.exec(named) ?? []
      if (this.#state.resources[group] === undefined || named.startsWith(id)) continue
      if (this.#state.resources[named] === undefined)
        throw new Refusal(`404 ResourceNotFound: ${named}, named by ${id}`)
    }
  }

  #checkRules(kind: string, id: string, inputs: Inputs): void {
    if (kind === 'cognitiveservices:Deployment') this.#checkQuota(id, inputs)
    if (kind === 'app:ContainerApp') this.#checkApp(id, inputs)
    if (kind === 'network:ApplicationGateway') this.#checkCertificate(inputs)
  }

  #checkQuota(id: string, inputs: Inputs): void {
    const { sku, properties } = inputs as {
      sku: { capacity: number }
      properties: { model: { name: string } }
    }
    const limit = properties.model.name.includes('transcribe') ? transcriptionQuota : modelQuota
    const others = this.#ofKind('cognitiveservices:Deployment').filter(
      ([other, kept]) =>
        other !== id && (kept.inputs.properties as typeof properties).model.name === properties.model.name,
    )
    const used = others.reduce((sum, [, kept]) => sum + (kept.inputs.sku as typeof sku).capacity, 0)
    if (used + sku.capacity > limit)
      throw new Refusal(
        `400 InsufficientQuota: ${sku.capacity} units of ${properties.model.name}, ${limit - used} are free`,
      )
  }

  #checkApp(id: string, inputs: Inputs): void {
    const { configuration, template } = inputs as {
      configuration: {
        registries: { server: string; identity: string }[]
        secrets: { name: string; keyVaultUrl: string; identity: string }[]
        ingress: { traffic: { revisionName: string; weight: number }[] }
      }
      template: { revisionSuffix: string }
    }
    for (const { server, identity } of configuration.registries)
      this.#mustBeGranted(identity, 'registries', server.split('.')[0] ?? '')
    for (const { keyVaultUrl, identity } of configuration.secrets) {
      const [vault = ''] = new URL(keyVaultUrl).hostname.split('.')
      this.#mustBeGranted(identity, 'vaults', vault)
    }
    const newest = `${id.split('/').at(-1)}--${template.revisionSuffix}`
    const known = this.#state.revisions[id] ?? []
    const same = known.find(({ name }) => name === newest)
    const text = JSON.stringify(template)
    if (same !== undefined && same.template !== text)
      throw new Refusal(
        `400 ContainerAppInvalidTemplate: a revision with suffix ${template.revisionSuffix} already exists`,
      )
    const given = new Set(configuration.secrets.map(({ name }) => name))
    for (const revision of [...known.filter(({ active }) => active), { name: newest, template: text }])
      for (const [, named = ''] of revision.template.matchAll(/"secretRef":"([^"]+)"/g))
        if (!given.has(named))
          throw new Refusal(`400 ContainerAppSecretRefNotFound: ${named}, used by ${revision.name}`)
    const { traffic } = configuration.ingress
    // One that is its own is taken even if it is not active, and none is started (microsoft/azure-container-apps#650).
    for (const { revisionName } of traffic) {
      const running = known.find(({ name }) => name === revisionName)
      if (revisionName !== newest && running?.active !== true)
        throw new Refusal(`400 RevisionNotFound: ${revisionName} of the traffic is not active`)
    }
    const sum = traffic.reduce((total, { weight }) => total + weight, 0)
    if (sum !== 100) throw new Refusal(`400 InvalidTrafficWeights: ${sum}`)
  }

  #checkCertificate(inputs: Inputs): void {
    const { identity, sslCertificates = [] } = inputs as {
      identity?: { userAssignedIdentities: string[] }
      sslCertificates?: { keyVaultSecretId: string }[]
    }
    for (const { keyVaultSecretId } of sslCertificates) {
      const [vault = ''] = new URL(keyVaultSecretId).hostname.split('.')
      this.#mustBeGranted(identity?.userAssignedIdentities[0] ?? '', 'vaults', vault)
    }
  }

  /** Whether an identity has any role at a resource, or at a part of it. */
  #mustBeGranted(identity: string, collection: string, name: string): void {
    const principal = this.#state.resources[identity]?.outputs.principalId
    const granted = this.#ofKind('authorization:RoleAssignment').some(
      ([, { inputs }]) =>
        inputs.principalId === principal &&
        new RegExp(`/${collection}/${name}(/|$)`, 'i').test(String(inputs.scope)),
    )
    if (!granted) throw new Refusal(`403 Forbidden: ${identity} may not read ${collection}/${name}`)
  }

  /** What a write leaves behind besides the resource. */
  #note(kind: string, id: string, inputs: Inputs): void {
    if (kind === 'app:ManagedEnvironment') {
      const { infrastructureSubnetId } = inputs.vnetConfiguration as { infrastructureSubnetId: string }
      this.#state.linkedSubnets.push(infrastructureSubnetId)
    }
    if (kind !== 'app:ContainerApp') return
    this.#noteRevision(id, inputs.template as Template)
  }

  /** A suffix that is known starts no revision, active or not (microsoft/azure-container-apps#650). */
  #noteRevision(id: string, template: Template): void {
    const name = `${id.split('/').at(-1)}--${template.revisionSuffix}`
    const known = this.#state.revisions[id] ?? []
    if (!known.some(revision => revision.name === name))
      known.push({ name, template: JSON.stringify(template), active: true })
    this.#state.revisions[id] = known
  }

  #ofKind(kind: string): [string, Kept][] {
    return Object.entries(this.#state.resources).filter(([, { type }]) => kindOf(type) === kind)
  }

  #within(environment: string, kind: string): [string, Kept][] {
    return this.#ofKind(kind).filter(([, { inputs }]) => inputs.environmentId === environment)
  }

  /** A diagnostic setting outlives what it stands at (learn.microsoft.com, azure-monitor/platform/diagnostic-settings). */
  #idsBelow(id: string, separator = '/'): string[] {
    return Object.keys(this.#state.resources).filter(
      other => other.startsWith(`${id}${separator}`) && !other.includes('/diagnosticSettings/'),
    )
  }

  #remove(id: string): void {
    const kept = this.#state.resources[id]
    if (kept === undefined) return
    if (softDeletes.has(kindOf(kept.type))) this.#state.softDeleted.push(id)
    delete this.#state.resources[id]
    delete this.#state.revisions[id]
  }

  #save(): void {
    writeFileSync(this.#file, JSON.stringify(this.#state))
  }
}
