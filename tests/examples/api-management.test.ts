/**
 * The policy for Azure API Management: well-formed, and made of what Microsoft documents for `onHandshake`. Sources:
 * learn.microsoft.com/azure/api-management/websocket-api ("Unsupported policies"), and the policy reference there of
 * each element below (read 2026-11-29).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { examples } from './example.ts'
import { type Element, readXml } from './xml.ts'

interface Documented {
  readonly required?: readonly string[]
  readonly optional?: readonly string[]
  /** Elements inside of it; `required` ones are marked by `!`. */
  readonly children?: readonly string[]
  readonly hasText?: true
}

/** Sections, and the policies that are used, with every attribute and element that their reference names. */
const documented: Readonly<Record<string, Documented>> = {
  policies: { children: ['inbound', 'backend', 'outbound', 'on-error'] },
  inbound: { children: ['base', 'validate-azure-ad-token', 'rate-limit-by-key', 'set-header'] },
  backend: { children: ['base'] },
  outbound: { children: ['base', 'set-header'] },
  'on-error': { children: ['base', 'set-header'] },
  base: {},
  'validate-azure-ad-token': {
    required: ['tenant-id'],
    optional: [
      ...['header-name', 'query-parameter-name', 'token-value', 'failed-validation-httpcode'],
      ...['failed-validation-error-message', 'output-token-variable-name'],
    ],
    children: ['client-application-ids!', 'backend-application-ids', 'audiences', 'required-claims'],
  },
  'client-application-ids': { children: ['application-id!'] },
  audiences: { children: ['audience!'] },
  'application-id': { hasText: true },
  audience: { hasText: true },
  'rate-limit-by-key': {
    required: ['calls', 'renewal-period', 'counter-key'],
    optional: [
      ...['increment-condition', 'increment-count', 'retry-after-header-name', 'retry-after-variable-name'],
      ...['remaining-calls-header-name', 'remaining-calls-variable-name', 'total-calls-header-name'],
    ],
  },
  'set-header': { required: ['name'], optional: ['exists-action'], children: ['value'] },
  value: { hasText: true },
}

/** Policies that cannot be applied to `onHandshake`. */
const unsupported = [
  ...[
    'mock-response',
    'cache-lookup',
    'cache-store',
    'cross-domain',
    'cors',
    'jsonp',
    'set-method',
    'set-body',
  ],
  ...['xml-to-json', 'json-to-xml', 'xsl-transform', 'validate-content', 'validate-parameters'],
  ...['validate-headers', 'validate-status-code'],
]

/** Headers that `set-header` cannot change there. */
const keptHeaders = ['host', 'connection', 'contentlength', 'keepalive', 'transferencoding']

const maxRenewalPeriodSec = 300

/** Names everything that is not as it is documented. */
function faultsOf({ name, attributes, children, text }: Element): string[] {
  const rules = documented[name]
  if (rules === undefined) return [`<${name}> is not documented`]
  const { required = [], optional = [], children: allowed = [], hasText } = rules
  const names = allowed.map(each => each.replace('!', ''))
  return [
    ...[...attributes.keys()]
      .filter(key => ![...required, ...optional].includes(key))
      .map(key => `<${name}> has no attribute "${key}"`),
    ...required.filter(key => !attributes.has(key)).map(key => `<${name}> needs "${key}"`),
    ...allowed
      .filter(each => each.endsWith('!') && !children.some(child => `${child.name}!` === each))
      .map(each => `<${name}> needs <${each.slice(0, -1)}>`),
    ...children
      .filter(child => !names.includes(child.name))
      .map(child =>
        unsupported.includes(child.name)
          ? `<${child.name}> cannot be applied to onHandshake`
          : `<${child.name}> is not of <${name}>`,
      ),
    ...(hasText !== true && text.trim() !== '' ? [`<${name}> has no text`] : []),
    ...(hasText === true && text.trim() === '' ? [`<${name}> needs a text`] : []),
    ...valueFaultsOf(name, attributes),
    ...children.filter(child => names.includes(child.name)).flatMap(faultsOf),
  ]
}

function valueFaultsOf(name: string, attributes: ReadonlyMap<string, string>): string[] {
  const faults: string[] = []
  if (name === 'set-header') {
    const header = attributes.get('name')?.toLowerCase().replaceAll('-', '') ?? ''
    if (keptHeaders.includes(header)) faults.push(`set-header cannot change "${header}"`)
    const action = attributes.get('exists-action') ?? 'override'
    if (!['override', 'skip', 'append', 'delete'].includes(action)) faults.push(`"${action}" is no action`)
  }
  if (name === 'rate-limit-by-key' && !(Number(attributes.get('renewal-period')) <= maxRenewalPeriodSec))
    faults.push(`renewal-period is at most ${maxRenewalPeriodSec}`)
  return faults
}

const policy = readFileSync(join(examples, 'api-management/on-handshake.xml'), 'utf8')

test('the policy is well-formed and made of what is documented for onHandshake', t => {
  const root = readXml(policy)
  t.is(root.name, 'policies')
  t.deepEqual(faultsOf(root), [])
})

test('clients authenticate, and the gateway gets a key of its own in place of their token', t => {
  const inbound = readXml(policy).children.find(({ name }) => name === 'inbound')
  const names = inbound?.children.map(({ name }) => name) ?? []
  t.is(names[0], 'base')
  t.true(names.indexOf('validate-azure-ad-token') < names.indexOf('set-header'))
  const headers = inbound?.children.filter(({ name }) => name === 'set-header') ?? []
  t.deepEqual(
    headers.map(({ attributes, children }) => [
      attributes.get('name'),
      attributes.get('exists-action'),
      children[0]?.text,
    ]),
    [
      ['Authorization', 'delete', undefined],
      ['api-key', 'override', '{{gateway-key}}'],
    ],
  )
})

for (const [what, from, to, fault] of [
  ['a tag that nothing closes', '</inbound>', '', /line \d+: <\/policies> closes <inbound>/],
  ['a bare ampersand', '{{gateway-key}}', 'a & b', /line \d+: "&" is no entity/],
  ['an attribute without quotes', 'calls="30"', 'calls=30', /line \d+: is no tag/],
  ['quotes inside quotes', '&quot;caller&quot;', '"caller"', /line \d+: is no tag/],
  ['an attribute twice', 'calls="30"', 'calls="30" calls="31"', /line \d+: "calls" is there twice/],
  ['a second root', '</policies>', '</policies><policies />', /second root/],
] as const)
  test(`${what} is no XML`, t => {
    t.true(policy.includes(from))
    t.throws(() => readXml(policy.replace(from, to)), { message: fault })
  })

for (const [what, from, to, fault] of [
  [
    'a policy that onHandshake does not take',
    '<base />',
    '<base /><cors />',
    '<cors> cannot be applied to onHandshake',
  ],
  [
    'a misspelt attribute',
    'counter-key=',
    'counterkey=',
    '<rate-limit-by-key> has no attribute "counterkey"',
  ],
  ['a header that cannot be changed', 'name="api-key"', 'name="Host"', 'set-header cannot change "host"'],
  [
    'no application',
    /<application-id>.*<\/application-id>/,
    '',
    '<client-application-ids> needs <application-id>',
  ],
  ['too long a period', 'renewal-period="60"', 'renewal-period="600"', 'renewal-period is at most 300'],
] as const)
  test(`${what} is told`, t => {
    t.true(faultsOf(readXml(policy.replace(from, to))).includes(fault))
  })
