/** The settings of access: what stops the start, and which limits hold where. */
import test from 'ava'
import { ConfigError, readConfig } from '../../runtime/config/config.ts'

const entra = {
  ENTRA_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  ENTRA_AUDIENCE: 'api://gateway',
  ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
  ENTRA_REQUIRED_ROLE: 'Realtime.Use.All',
  ENTRA_OPERATOR_ROLE: 'Realtime.Operate',
  ENTRA_PAGES_CLIENT_ID: '66666666-7777-4888-8999-000000000000',
  ENTRA_AUTHORITY: 'https://login.microsoftonline.us',
  ENTRA_CLOCK_SKEW_SEC: '30',
}

const faults: [env: Record<string, string>, fault: RegExp][] = [
  [{ GATEWAY_AUTH: 'password' }, /^GATEWAY_AUTH: .*none, key, entra/],
  [{ GATEWAY_AUTH: 'none,key' }, /^GATEWAY_AUTH: /],
  [{ GATEWAY_AUTH: 'key' }, /^GATEWAY_API_KEYS: is unset/],
  [
    { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'MARKED-SECRET' },
    /^GATEWAY_API_KEYS: pair 1 is not name:secret/,
  ],
  [{ GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:short' }, /8 visible ASCII characters or more/],
  [
    { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a: MARKED-SECRET' },
    /^GATEWAY_API_KEYS: pair 1 .*visible ASCII/,
  ],
  [{ GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:MARKED-SECRÉT' }, /^GATEWAY_API_KEYS: pair 1 .*visible ASCII/],
  [{ AZURE_CLIENT_ID: 'my-identity' }, /^AZURE_CLIENT_ID: is "my-identity"; allowed is a GUID/],
  [{ ...entra, GATEWAY_AUTH: 'entra', ENTRA_PAGES_CLIENT_ID: 'pages' }, /^ENTRA_PAGES_CLIENT_ID: .*GUID/],
  [{ AZURE_OPENAI_API_VERSION: '2025-4-1-preview' }, /^AZURE_OPENAI_API_VERSION: .*2025-04-01-preview/],
  [{ REALTIME_EXTRACT_SCHEMA_PATH: 'none.json' }, /^REALTIME_EXTRACT_SCHEMA_PATH: "none.json" below runtime/],
  ...(
    [
      ['OPENAI_BASE_URL', { OPENAI_API_KEY: 'sk-key' }],
      ['AZURE_OPENAI_ENDPOINT', { AZURE_OPENAI_API_KEY: 'a-key' }],
      ['EVENTS_WEBHOOK_URL', { EVENTS_WEBHOOK_SECRET: 'whsec_c2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0' }],
    ] as const
  ).flatMap(([name, rest]) =>
    ['https://user:MARKED-SECRET@host.example/v1', 'https://MARKED-SECRET@host.example'].map(
      (address): [Record<string, string>, RegExp] => [
        { ...rest, [name]: address },
        new RegExp(`^${name}: has a user or a password before the host; leave them out$`),
      ],
    ),
  ),
  [{ GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:sha256:MARKED-SECRET' }, /64 hex digits/],
  [{ GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:12345678,a:12345679' }, /one name twice/],
  [{ GATEWAY_AUTH: 'entra', ENTRA_AUDIENCE: 'a' }, /^ENTRA_TENANT_ID: .*GUID/],
  [
    { GATEWAY_AUTH: 'entra', ENTRA_TENANT_ID: '11111111-2222-4333-8444-555555555555' },
    /^ENTRA_AUDIENCE: is unset/,
  ],
  [
    { GATEWAY_AUTH: 'none', GATEWAY_API_KEYS: 'a:MARKED-SECRET' },
    /^GATEWAY_API_KEYS: is set, but GATEWAY_AUTH=none does not use it/,
  ],
  [
    { ...entra, GATEWAY_AUTH: 'entra', GATEWAY_API_KEYS: 'a:MARKED-SECRET' },
    /^GATEWAY_API_KEYS: is set, but GATEWAY_AUTH=entra does not use it; .*key,entra/,
  ],
  ...Object.entries(entra).flatMap(([name, value]): [Record<string, string>, RegExp][] => [
    [{ [name]: value }, new RegExp(`^${name}: is set, but GATEWAY_AUTH is unset`)],
    [{ [name]: value, GATEWAY_AUTH: ' ' }, new RegExp(`^${name}: is set, but GATEWAY_AUTH is unset`)],
    [{ [name]: value, GATEWAY_AUTH: 'none' }, new RegExp(`^${name}: is set, but GATEWAY_AUTH=none`)],
    [
      { [name]: value, GATEWAY_API_KEYS: 'a:MARKED-SECRET' },
      new RegExp(`^${name}: is set, but GATEWAY_AUTH is unset; .*entra`),
    ],
  ]),
  [{ ALLOWED_ORIGINS: 'app.example' }, /^ALLOWED_ORIGINS: /],
  [{ OPENAI_WEBHOOK_SECRET: 'whsec_MARKED!' }, /^OPENAI_WEBHOOK_SECRET: secret 1 is not whsec_ and base64/],
  [
    { OPENAI_WEBHOOK_SECRET: 'a-secret-that-is-long-enough,MARKED' },
    /^OPENAI_WEBHOOK_SECRET: secret 2 is not .*16 bytes/,
  ],
  [
    { CALLS_POLICY: 'answer' },
    /^CALLS_POLICY: .*accept, reject, assistant: and a name, reject: and a SIP status/,
  ],
  [{ CALLS_POLICY: 'reject:200' }, /^CALLS_POLICY: .*from 300 to 699/],
  [{ CALLS_GREETING: 'Hello' }, /^CALLS_GREETING: is set, but only CALLS_POLICY=accept uses it/],
  [
    { CALLS_POLICY: 'accept', CALLS_SESSION_PATH: 'none.json' },
    /^CALLS_SESSION_PATH: "none.json" below runtime\/ is no session of a call: /,
  ],
  [
    { CALLS_POLICY: 'accept', CALLS_SESSION_PATH: '../package.json' },
    /^CALLS_SESSION_PATH: .*"type" must be "realtime"/,
  ],
  [{ CALLS_CONTROL: 'key:a' }, /^CALLS_CONTROL: .*allowed is anonymous/],
  [{ TRACE_CONTENT: 'true' }, /^TRACE_CONTENT: is set, but tracing is off/],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /^OTEL_EXPORTER_OTLP_ENDPOINT: .*http/],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_EXPORTER_OTLP_HEADERS: 'MARKED-SECRET' },
    /^OTEL_EXPORTER_OTLP_HEADERS: pair 1 is not name=value/,
  ],
  [
    { APPLICATIONINSIGHTS_CONNECTION_STRING: 'MARKED-SECRET' },
    /^APPLICATIONINSIGHTS_CONNECTION_STRING: has no InstrumentationKey/,
  ],
  [
    { APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD' },
    /^APPLICATIONINSIGHTS_CONNECTION_STRING: is unset/,
  ],
  [{ OPERATORS: 'key:a' }, /^OPERATORS: .*allowed is anonymous/],
  [{ PRICES_FILE: 'none.yaml' }, /^PRICES_FILE: "none.yaml" below runtime\/ is no price list: /],
  [{ PRICES_FILE: '../package.json' }, /^PRICES_FILE: .*currency/],
  [{ LIMIT_COST_PER_DAY_PER_ADDRESS: 'much' }, /^LIMIT_COST_PER_DAY_PER_ADDRESS: .*a number from 0/],
  [
    {
      AZURE_OPENAI_ENDPOINT: 'https://a.openai.azure.com',
      AZURE_OPENAI_API_KEY: 'MARKED-SECRET',
      AZURE_OPENAI_DEPLOYMENT_NAME: 'mine',
      LIMIT_COST_PER_DAY_PER_CREDENTIAL: '0.5',
    },
    /^PRICES_FILE: has no price of "mine", .*AZURE_OPENAI_MODEL/,
  ],
  [{ EVENTS_WEBHOOK_URL: 'https://events.example' }, /^EVENTS_WEBHOOK_SECRET: is unset/],
  [{ EVENTS_WEBHOOK_SECRET: 'a-secret-that-is-long-enough' }, /^EVENTS_WEBHOOK_URL: is unset/],
  [
    {
      EVENTS_WEBHOOK_URL: 'http://events.example',
      EVENTS_WEBHOOK_SECRET: 'a-secret-that-is-long-enough',
    },
    /^EVENTS_WEBHOOK_URL: .*https/,
  ],
  [
    { CALLS_CONTROL: 'key:b', GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:12345678' },
    /^CALLS_CONTROL: .*allowed is key:a$/,
  ],
  [
    { CALLS_CONTROL: 'anonymous', GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:12345678' },
    /^CALLS_CONTROL: .*allowed is key:a$/,
  ],
  [{ ALLOWED_ORIGINS: 'https://app.example/path' }, /^ALLOWED_ORIGINS: /],
  [{ TRUSTED_PROXIES: '10.0.0.0/33' }, /^TRUSTED_PROXIES: /],
  [{ TRUSTED_PROXIES: '10.0.0.0/' }, /^TRUSTED_PROXIES: /],
  [
    {
      AZURE_OPENAI_ENDPOINT: 'https://a.openai.azure.com,https://b.openai.azure.com',
      AZURE_OPENAI_API_KEY: 'MARKED-SECRET',
    },
    /has 1 keys; allowed is one for each of 2/,
  ],
  [
    { AZURE_OPENAI_ENDPOINT: 'https://a.openai.azure.com', AZURE_OPENAI_AUTH: 'key' },
    /^AZURE_OPENAI_API_KEY: is unset/,
  ],
]

for (const [env, fault] of faults) {
  test(`${JSON.stringify(env)} stops the start, without the value`, t => {
    const thrown = t.throws(() => readConfig(env), { instanceOf: ConfigError })
    t.true(
      thrown.faults.some(text => fault.test(text)),
      thrown.message,
    )
    t.notRegex(thrown.message, /MARKED/)
  })
}

for (const unset of [undefined, '', '  ']) {
  test(`keys with GATEWAY_AUTH=${JSON.stringify(unset)} are asked for`, t => {
    const { modes, keys } = readConfig({ GATEWAY_AUTH: unset, GATEWAY_API_KEYS: 'a:12345678' }).access
    t.deepEqual(modes, ['key'])
    t.deepEqual(
      keys.map(({ name }) => name),
      ['a'],
    )
  })
}

test('access settings that are empty count as unset', t => {
  const empty = Object.fromEntries(Object.keys(entra).map(name => [name, ' ']))
  t.deepEqual(readConfig({ ...empty, GATEWAY_API_KEYS: '', GATEWAY_AUTH: '' }).access.modes, [])
})

const guarded = { GATEWAY_API_KEYS: 'a:12345678' }
const outside = { HOST: '0.0.0.0' }
const none = Number.POSITIVE_INFINITY
const onAddress = { LIMIT_SESSIONS_PER_ADDRESS: '7', LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS: '7' }
const onCredential = { LIMIT_SESSIONS_PER_CREDENTIAL: '7' }
const onOwner = { LIMIT_STORED_ENTRIES_PER_OWNER: '7', LIMIT_STORED_MB_PER_OWNER: '0' }

const limits: [
  what: string,
  env: Record<string, string>,
  credential: number,
  address: number,
  refusals: number,
  stored: [ofCredential: number | undefined, ofAddress: number | undefined],
][] = [
  ['keys, reachable from elsewhere', { ...guarded, ...outside }, 1000, 500, 300, [5000, 5000]],
  ['keys on loopback', guarded, 1000, none, none, [5000, undefined]],
  [
    'nobody asked, reachable from elsewhere',
    { ...outside, GATEWAY_AUTH: 'none' },
    none,
    500,
    300,
    [5000, 5000],
  ],
  ['nobody asked, on loopback', {}, none, none, none, [5000, undefined]],
  ['limits that are set, on loopback', { ...onAddress, ...onCredential, ...onOwner }, 7, 7, 7, [7, 7]],
  [
    'limits that are set to 0',
    {
      ...guarded,
      ...outside,
      ...Object.fromEntries(
        Object.keys({ ...onAddress, ...onCredential, ...onOwner }).map(name => [name, '0']),
      ),
    },
    none,
    none,
    none,
    [undefined, undefined],
  ],
]

for (const [what, env, credential, address, refusals, stored] of limits) {
  test(`limits that hold for ${what}`, t => {
    const { limits } = readConfig(env).access
    t.is(limits.credential.sessions, credential)
    t.is(limits.address.sessions, address)
    t.is(limits.refusalsPerMinute, refusals)
    t.deepEqual([limits.stored.credential?.entries, limits.stored.address?.entries], stored)
  })
}

test('a public address without a choice of GATEWAY_AUTH warns loudly; with one, or on loopback, it does not', t => {
  t.regex(readConfig({ HOST: '0.0.0.0' }).access.warnings.join(), /ANYONE/)
  t.deepEqual(readConfig({ HOST: '0.0.0.0', GATEWAY_AUTH: 'none' }).access.warnings, [])
  t.deepEqual(readConfig({ HOST: '0.0.0.0', GATEWAY_API_KEYS: 'a:12345678' }).access.warnings, [])
  t.deepEqual(readConfig({}).access.warnings, [])
})

test('an Azure endpoint without a key means Entra ID, by the identity that the platform offers', t => {
  const endpoint = { AZURE_OPENAI_ENDPOINT: 'https://a.openai.azure.com' }
  const identityOf = (env: Record<string, string>) => readConfig({ ...endpoint, ...env }).entra?.identity
  t.is(identityOf({}), 'default')
  t.is(identityOf({ IDENTITY_ENDPOINT: 'http://localhost/msi' }), 'managed')
  t.is(identityOf({ AZURE_FEDERATED_TOKEN_FILE: '/token' }), 'workload')
  t.is(identityOf({ AZURE_OPENAI_API_KEY: 'k' }), undefined)
  t.is(identityOf({ AZURE_OPENAI_API_KEY: 'k', AZURE_OPENAI_AUTH: 'entra' }), 'default')
})
