/** Whose address counts, and which pages may connect. */
import test from 'ava'
import { addressShare, createAddressReader, plainAddress } from '../../runtime/access/address.ts'
import { isOriginAllowed } from '../../runtime/access/origin.ts'
import { ConfigError, readConfig } from '../../runtime/config.ts'

const proxies = readConfig({ TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32, 192.0.2.1' }).access.trustedProxies

const hops: [peer: string, forwarded: string | undefined, client: string][] = [
  ['203.0.113.1', '198.51.100.1', '203.0.113.1'],
  ['10.1.2.3', undefined, '10.1.2.3'],
  ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['10.1.2.3', '198.51.100.1:5678', '198.51.100.1'],
  ['10.1.2.3', '[2001:db9::1]:443', '2001:db9::1'],
  ['10.1.2.3', 'forged, 198.51.100.1, 10.9.9.9', '198.51.100.1'],
  ['10.1.2.3', '1.2.3.4, 198.51.100.1', '198.51.100.1'],
  ['10.1.2.3', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
  ['10.1.2.3', 'unknown', '10.1.2.3'],
  ['10.1.2.3', '', '10.1.2.3'],
  ['0000:0000:0000:0000:0000:ffff:0a01:0203', '198.51.100.1', '198.51.100.1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '198.51.100.1', '198.51.100.1'],
  ['2001:db9::1', '198.51.100.1', '2001:db9::1'],
  ['192.0.2.1', '198.51.100.1', '198.51.100.1'],
  ['192.0.2.2', '198.51.100.1', '192.0.2.2'],
  ['10.1.2.3', `198.51.100.1,${' 10.0.0.1,'.repeat(50)} 10.0.0.2`, '10.0.0.1'],
]

for (const [peer, forwarded, client] of hops) {
  test(`the peer ${peer} with "${forwarded?.slice(0, 60)}" is the client ${client}`, t => {
    t.is(createAddressReader(proxies)(peer, forwarded), client)
  })
}

test('without trusted proxies the header is never believed', t => {
  t.is(createAddressReader([])('10.1.2.3', '198.51.100.1'), '10.1.2.3')
})

test('addresses are written in one form, and anything else is none', t => {
  t.is(plainAddress('::ffff:1.2.3.4'), '1.2.3.4')
  t.is(plainAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  for (const text of ['', 'host', '1.2.3', '1.2.3.4.5', '[::1', '%eth0']) t.is(plainAddress(text), null)
})

test('an IPv6 network of 64 bits counts as one address', t => {
  t.is(addressShare('2001:db8:1:2:3:4:5:6'), addressShare('2001:db8:1:2::9'))
  t.not(addressShare('2001:db8:1:2::9'), addressShare('2001:db8:1:3::9'))
  t.is(addressShare('1.2.3.4'), '1.2.3.4')
})

const pages: [what: string, headers: Record<string, string>, loopback: boolean, allowed: boolean][] = [
  ['no page', { host: 'gateway.example' }, false, true],
  ['its own page', { host: 'gateway.example', origin: 'https://gateway.example' }, false, true],
  [
    'its own page on a port',
    { host: 'gateway.example:8443', origin: 'https://gateway.example:8443' },
    false,
    true,
  ],
  [
    'its own page behind a default port',
    { host: 'gateway.example:443', origin: 'https://gateway.example' },
    false,
    true,
  ],
  [
    'its own page behind a gateway that rewrites the host',
    { host: 'app.internal', 'x-original-host': 'gateway.example', origin: 'https://gateway.example' },
    false,
    true,
  ],
  ['another page', { host: 'gateway.example', origin: 'https://other.example' }, false, false],
  [
    'a page on another port',
    { host: 'gateway.example', origin: 'https://gateway.example:8443' },
    false,
    false,
  ],
  ['a page in a sandbox', { host: 'gateway.example', origin: 'null' }, false, false],
  ['a page from a file', { host: 'gateway.example', origin: 'file://' }, false, false],
  [
    'a name that points to this machine',
    { host: 'evil.example:8080', origin: 'http://evil.example:8080' },
    true,
    false,
  ],
  ['a local page', { host: '127.0.0.1:8080', origin: 'http://localhost:5173' }, true, true],
]

for (const [what, headers, loopback, allowed] of pages) {
  test(`${what} may ${allowed ? '' : 'not '}connect ${loopback ? 'on loopback' : ''}`, t => {
    t.is(isOriginAllowed(new Map(Object.entries(headers)), { allowed: [], loopback }), allowed)
  })
}

const entra = {
  ENTRA_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  ENTRA_AUDIENCE: 'api://gateway',
  ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
  ENTRA_REQUIRED_ROLE: 'Realtime.Use.All',
  ENTRA_PAGES_CLIENT_ID: 'the-pages',
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
  [{ GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: 'a:short' }, /8 characters or more/],
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
