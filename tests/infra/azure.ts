/**
 * Runs the real program against stand-ins of Azure and Pulumi, and hands over what it asked for.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as pulumi from '@pulumi/pulumi'
import * as yaml from 'js-yaml'
import { spreadMs } from '../../infra/roles.ts'
import { idOf, outputsOf, subscriptionId, tenantId } from './resource-answers.ts'

export { defaultDomain, subscriptionId, tenantId } from './resource-answers.ts'

export const project = 'realtime-gateway'
const root = new URL('../../', import.meta.url)

/** Reads a file of the repository. */
export const readText = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')

export interface AskedResource {
  readonly type: string
  readonly name: string
  /** Plain values; what is secret is the text `[secret]`. */
  readonly inputs: Record<string, unknown>
  readonly id: string
  /** Names of the resources that must exist before it, by its inputs or by `dependsOn`. */
  readonly after: readonly string[]
  /** Name of the resource whose deletion takes it along; empty where none does. */
  readonly deletedWith: string
  readonly retained: boolean
}

export interface Run {
  readonly resources: readonly AskedResource[]
  readonly outputs: Record<string, unknown>
  /** Addresses that the program itself asked. */
  readonly fetched: readonly string[]
  /** How often the program waited for an assignment to spread; the waits themselves are skipped. */
  readonly waits: number
  readonly find: (type: string, name?: string) => AskedResource
}

export interface RunOptions {
  readonly stack?: string
  readonly config?: Readonly<Record<string, unknown>>
  /** As `pulumi preview` runs it. */
  readonly preview?: boolean
  /** Digest that a build yields. */
  readonly digest?: string
  /** `revisions` as the last update left them. */
  readonly previous?: readonly object[]
  /** Other outputs that it left. */
  readonly previousOutputs?: Readonly<Record<string, unknown>>
  /** Revisions of the app as Azure lists them, or the status with which it refuses (default: 404, there is no app). */
  readonly revisions?: readonly object[] | number
  /** Name of the role assignment that is new; all others are old. */
  readonly newAssignment?: string
  /** A call that Azure refuses, and how it says so. */
  readonly refused?: { readonly token: string; readonly message: string }
}

export const defaultDigest = `sha256:${'a'.repeat(64)}`
export const secretMark = '[secret]'

/** Configuration as a stack file has it, without the project's namespace. */
export function stackFile(stack: string): Record<string, unknown> {
  const { config } = yaml.load(readText(`Pulumi.${stack}.yaml`)) as { config: Record<string, unknown> }
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith(`${project}:`) ? [[key.slice(project.length + 1), value]] : [],
    ),
  )
}

/** Puts values of one's own in place of the placeholders of a stack file. */
export function ownValues(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const placeholders = stackFile('prod')
  const own: Readonly<Record<string, string>> = {
    entraTenantId: '33333333-3333-4333-8333-333333333333',
    entraAudience: '55555555-5555-4555-8555-555555555555,api://realtime-gateway',
    entraPagesClientId: '66666666-6666-4666-8666-666666666666',
    tlsCertificateSecretId: 'https://contoso-kv.vault.azure.net/secrets/gateway',
    keyVaultResourceGroup: 'contoso-shared-rg',
    hostName: 'talk.contoso.com',
  }
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      name,
      value === placeholders[name] ? (own[name] ?? value) : value,
    ]),
  )
}

/** Runs `index.ts` as `pulumi up` would, with mocks for everything outside. */
export async function runProgram(options: RunOptions = {}): Promise<Run> {
  const { stack = 'dev', preview = false } = options
  const { digest = defaultDigest } = options
  const config = ownValues(options.config ?? stackFile(stack))
  const previous = { revisions: options.previous ?? [], ...options.previousOutputs }
  const resources: AskedResource[] = []
  const registered = new Map<string, Options>()
  setConfiguration(config)
  const newResource = ({ type, name, inputs }: pulumi.runtime.MockResourceArgs) => {
    const id = idOf(type, inputs)
    resources.push({
      type,
      name,
      inputs: reveal(inputs) as AskedResource['inputs'],
      id,
      ...(registered.get(name) ?? { after: [], deletedWith: '', retained: false }),
    })
    const outputs = outputsOf(type, inputs, { digest, previous })
    const isNew = name === options.newAssignment
    return { id, state: { ...inputs, ...outputs, ...(isNew && { createdOn: new Date().toISOString() }) } }
  }
  const call = (args: pulumi.runtime.MockCallArgs) => {
    // The engine's faults have their text in `details`.
    if (options.refused?.token === args.token)
      throw Object.assign(new Error(), { details: options.refused.message })
    return answerCall(args)
  }
  await pulumi.runtime.setMocks({ call, newResource }, project, stack, preview, 'organization')
  noteOptions(registered)
  const { outputs, fetched, waits } = await runWithStandIns(options.revisions ?? 404, async () => {
    // A query gives a program of its own to every run.
    const program = (await import(`../../index.ts?run=${performance.now()}`)) as Record<string, unknown>
    const settled = Object.entries(program).map(async ([name, value]) => [name, await settle(value)])
    const known = Object.fromEntries(await Promise.all(settled)) as Record<string, unknown>
    await pulumi.runtime.disconnect()
    return known
  })
  resources.sort((a, b) => `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`))
  return { resources, outputs, fetched, waits, find: (type, name) => find(resources, type, name) }
}

type Options = Pick<AskedResource, 'after' | 'deletedWith' | 'retained'>

interface Registration {
  readonly getName: () => string
  readonly getDependenciesList: () => readonly string[]
  readonly getDeletedwith: () => string
  readonly getRetainondelete: () => boolean
}
interface Registrar {
  registerResource(request: Registration, answer: unknown): unknown
}

/** Mocks are not told the options of a resource; the request that they are made from says them, by URN. */
function noteOptions(registered: Map<string, Options>): void {
  const registrar = pulumi.runtime.getMonitor() as unknown as Registrar
  const register = registrar.registerResource.bind(registrar)
  registrar.registerResource = (request, answer) => {
    const nameOf = (urn: string) => urn.split('::').at(-1) ?? urn
    registered.set(request.getName(), {
      after: request.getDependenciesList().map(nameOf),
      deletedWith: nameOf(request.getDeletedwith()),
      retained: request.getRetainondelete(),
    })
    return register(request, answer)
  }
}

/** As the stack's file and `pulumi config` would have it: texts, and lists as JSON. */
function setConfiguration(config: Readonly<Record<string, unknown>>): void {
  const texts = Object.entries(config).map(([name, value]) => [
    `${project}:${name}`,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ])
  pulumi.runtime.setAllConfig(Object.fromEntries(texts) as Record<string, string>)
}

/**
 * The addresses that the program itself asks are the registry's, those of the model's quota, and the app's revisions. The time that an
 * assignment takes to spread is counted, and over at once.
 */
async function runWithStandIns(
  revisions: readonly object[] | number,
  run: () => Promise<Record<string, unknown>>,
) {
  const fetched: string[] = []
  let waits = 0
  const { fetch: fetchBefore, setTimeout: setTimeoutBefore } = globalThis
  const skipSpread = (done: () => void, ms?: number) => {
    const spreads = ms !== undefined && ms > spreadMs / 2 && ms <= spreadMs
    if (spreads) waits += 1
    return setTimeoutBefore(done, spreads ? 0 : ms)
  }
  globalThis.setTimeout = Object.assign(skipSpread, setTimeoutBefore) as typeof setTimeout
  globalThis.fetch = async address => {
    fetched.push(String(address))
    if (/\/revisions\?/.test(String(address)))
      return typeof revisions === 'number'
        ? new Response(null, { status: revisions })
        : Response.json({ value: revisions })
    if (String(address).startsWith('https://management.azure.com/')) return Response.json({ value: [] })
    return Response.json({ refresh_token: 'registry-token' })
  }
  try {
    const outputs = await run()
    return { outputs, fetched, waits }
  } finally {
    globalThis.fetch = fetchBefore
    globalThis.setTimeout = setTimeoutBefore
  }
}

function find(resources: readonly AskedResource[], type: string, name?: string): AskedResource {
  const [found, ...others] = resources.filter(
    resource => resource.type === type && (name === undefined || resource.name === name),
  )
  if (found === undefined || others.length > 0)
    throw new Error(`${type} ${name ?? ''}: ${others.length + (found ? 1 : 0)} found`)
  return found
}

const settle = (value: unknown) =>
  new Promise(resolve => pulumi.output(value as pulumi.Input<string>).apply(resolve))

function answerCall({ token }: { token: string }): Record<string, unknown> {
  if (token === 'azure-native:authorization:getClientConfig')
    return { subscriptionId, tenantId, clientId: 'deployer', objectId: 'deployer' }
  if (token === 'azure-native:authorization:getClientToken') return { token: 'azure-token' }
  if (token === 'azure-native:cognitiveservices:listAccountKeys')
    return { key1: 'key-of-the-account', key2: 'other-key-of-the-account' }
  if (token === 'azure-native:redisenterprise:listDatabaseKeys')
    return { primaryKey: 'key-of-redis', secondaryKey: 'other-key-of-redis' }
  if (token === 'azure-native:cognitiveservices:getAccount')
    return { properties: { endpoint: 'https://contoso.openai.azure.com/' } }
  throw new Error(`no answer to ${token}`)
}

const secretSignature = '1b47061264138c4ac30d75fd1eb44270'
const signatureKey = '4dabf18193072939515e22adb298388d'

/** Turns what the engine is sent into plain values, and hides what came wrapped as a secret. */
function reveal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reveal)
  if (typeof value !== 'object' || value === null) return value
  if ((value as Record<string, unknown>)[signatureKey] === secretSignature) return secretMark
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reveal(member)]))
}
