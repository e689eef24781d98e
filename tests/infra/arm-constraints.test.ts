/**
 * The program's inputs against the constraints of Azure's own management libraries: names, types, bounds, patterns,
 * required properties. `arm-constraints.json` holds them as taken from the mappers and parameters of the packages that
 * it names, for the properties that the program sets; the packages are a hundred megabytes, and are not installed. Of an alert's
 * criteria, which have a shape for each kind, it holds no required ones: `shapes.ts` does.
 */
import test from 'ava'
import { type AskedResource, readText, runProgram, secretMark, stackFile, subscriptionId } from './azure.ts'

interface Rule {
  readonly type?: 'string' | 'number' | 'boolean'
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly min?: number
  readonly max?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly values?: readonly unknown[]
  readonly required?: boolean
}

interface Kind {
  /** Package, version and mapper. */
  readonly source: string
  readonly names: Readonly<Record<string, Rule>>
  /** By path; `[]` stands for the members of a list. */
  readonly properties: Readonly<Record<string, Rule>>
}

const kinds = JSON.parse(readText('tests/infra/arm-constraints.json')) as Readonly<Record<string, Kind>>
const kindOf = ({ type }: AskedResource) => type.replace('azure-native:', '')

/** Values at a path; undefined where the member's parent is there and the member is not. */
function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  const [step = '', ...rest] = path
  if (path.length === 0) return [value]
  if (typeof value !== 'object' || value === null) return []
  const member = (value as Record<string, unknown>)[step.replace('[]', '')]
  if (rest.length > 0 && member === undefined) return []
  if (!step.endsWith('[]')) return valuesAt(member, rest)
  return Array.isArray(member) ? member.flatMap(entry => valuesAt(entry, rest)) : []
}

function breachOf(value: unknown, rule: Rule): string | null {
  if (value === undefined) return rule.required ? 'is required' : null
  if (value === secretMark) return null
  if (rule.type !== undefined && typeof value !== rule.type) return `is no ${rule.type}`
  if (rule.values !== undefined && !rule.values.includes(value)) return `is none of ${rule.values.join()}`
  if (typeof value === 'string') {
    if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(value))
      return `does not fit ${rule.pattern}`
    if (value.length < (rule.minLength ?? 0)) return `is shorter than ${rule.minLength}`
    if (value.length > (rule.maxLength ?? Number.POSITIVE_INFINITY)) return `is longer than ${rule.maxLength}`
  }
  if (typeof value === 'number') {
    if (value < (rule.min ?? Number.NEGATIVE_INFINITY)) return `is under ${rule.min}`
    if (value > (rule.max ?? Number.POSITIVE_INFINITY)) return `is over ${rule.max}`
  }
  if (Array.isArray(value)) {
    if (value.length < (rule.minItems ?? 0)) return `has fewer than ${rule.minItems}`
    if (value.length > (rule.maxItems ?? Number.POSITIVE_INFINITY)) return `has more than ${rule.maxItems}`
  }
  return null
}

/** Everything that a library would refuse to send. */
function breachesOf(resource: AskedResource): string[] {
  const kind = kinds[kindOf(resource)]
  if (kind === undefined) return []
  const rules = [...Object.entries(kind.names), ...Object.entries(kind.properties)]
  return rules.flatMap(([path, rule]) =>
    valuesAt(resource.inputs, path.split('.')).flatMap(value => {
      const breach = breachOf(value, rule)
      return breach === null ? [] : [`${resource.name} ${path} ${breach} (${kind.source})`]
    }),
  )
}

const idOf = (place: string) => `/subscriptions/${subscriptionId}/resourceGroups/shared-rg/providers/${place}`
const everything = {
  ...stackFile('prod'),
  gatewayAuth: 'key,entra',
  gatewayApiKeys: 'alice:correct-horse-battery',
  openAiAuth: 'key',
  alertEmail: 'ops@example.com',
  monthlyBudget: 500,
  registrySku: 'Premium',
  network: 'private',
  ingress: 'premium',
  openAiFailoverLocations: 'eastus2',
  dnsZoneId: idOf('Microsoft.Network/dnszones/contoso.com'),
  prefix: 'p23456789012',
}

for (const [title, options] of [
  ['dev', { stack: 'dev' }],
  ['prod', { stack: 'prod' }],
  ['a stack with the longest names and every option', { stack: 's23456789012', config: everything }],
] as const) {
  test.serial(`${title}: Azure's own libraries would send every resource`, async t => {
    const { resources } = await runProgram(options)
    t.deepEqual(resources.flatMap(breachesOf), [])
    t.true(resources.filter(resource => kindOf(resource) in kinds).length >= 30)
  })
}

test.serial('what a library would refuse is found: a name, a bound, a type, a missing property', async t => {
  const { find } = await runProgram({ stack: 'prod' })
  const wrong = (type: string, name: string, change: object) => {
    const resource = find(`azure-native:${type}`, name)
    return breachesOf({ ...resource, inputs: { ...resource.inputs, ...change } }).join('\n')
  }
  t.regex(
    wrong('containerregistry:Registry', 'registry', { registryName: 'a-b-c-d' }),
    /registryName does not fit/,
  )
  t.regex(wrong('keyvault:Vault', 'vault', { vaultName: 'v'.repeat(25) }), /vaultName does not fit/)
  t.regex(
    wrong('app:ManagedEnvironment', 'environment', { zoneRedundant: 'yes' }),
    /zoneRedundant is no boolean/,
  )
  t.regex(
    wrong('network:ApplicationGateway', 'gateway', { autoscaleConfiguration: { minCapacity: -1 } }),
    /minCapacity is under 0/,
  )
  t.regex(wrong('app:ContainerApp', 'app', { identity: {} }), /identity\.type is required/)
})

test('every constraint says which library it is from', t => {
  for (const [kind, { source, properties }] of Object.entries(kinds)) {
    t.regex(source, /^@azure\/arm-[a-z]+@\d+\.\d+\.\d+ \w+$/, kind)
    t.true(Object.keys(properties).length > 0, kind)
  }
})
