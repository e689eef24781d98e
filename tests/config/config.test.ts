import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ConfigError, readConfig } from '../../runtime/config/config.ts'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { realtimeUrl } from '../../runtime/upstream/target.ts'

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.faults
    throw fault
  }
  return []
}

test('an empty environment is a gateway on loopback before the simulator', t => {
  const config = readConfig({})
  t.is(config.host, '127.0.0.1')
  t.is(config.port, 8080)
  t.is(config.target, null)
  t.is(config.limits.maxMessageBytes, 15 * 1024 * 1024)
  t.deepEqual(config.realtime.allowedEventTypes, [
    ...['response.text.delta', 'response.text.done'],
    ...['response.audio_transcript.delta', 'response.audio_transcript.done'],
  ])
  t.true(config.realtime.autoClose)
  t.is(config.realtime.extraction, null)
  t.deepEqual(config.drain, { lameDuckMs: 3000, deadlineMs: 25_000 })
})

test('WORKERS is a number of processes, or one a core', t => {
  t.is(readConfig({}).workers, 1)
  t.is(readConfig({ WORKERS: '4' }).workers, 4)
  t.is(readConfig({ WORKERS: 'auto' }).workers, 'auto')
})

test('empty values count as unset', t => {
  t.is(readConfig({ PORT: '', LOG_LEVEL: ' ' }).port, 8080)
})

test('values are read without the white space around them, which files of secrets end with', t => {
  const config = readConfig({ OPENAI_API_KEY: ' sk-key\n', LOG_LEVEL: 'warn ', CHAT_INSTRUCTIONS: 'a b\n' })
  t.is(config.apiKey, 'sk-key')
  t.is(config.logLevel, 'warn')
  t.is(config.chat.instructions, 'a b')
})

test('a key that no header can carry stops the start', t => {
  const azure = { AZURE_OPENAI_ENDPOINT: 'https://a.openai.azure.com,https://b.openai.azure.com' }
  for (const env of [
    { OPENAI_API_KEY: 'sk-first\nsk-second' },
    { OPENAI_API_KEY: 'sk-ключ' },
    { ...azure, AZURE_OPENAI_API_KEY: 'first,sec ond' },
  ]) {
    const [fault, ...others] = faultsOf(env)
    t.regex(fault ?? '', /_API_KEY: is a text of \d+ characters; allowed is visible ASCII characters/)
    t.deepEqual(others, [])
  }
})

test('a variable that is nearly a setting stops the start, and the setting is named', t => {
  for (const [name, meant] of [
    ['AZURE_OPENAI_ENPOINT', 'AZURE_OPENAI_ENDPOINT'],
    ['REALTIME_ALOWED_EVENT_TYPES', 'REALTIME_ALLOWED_EVENT_TYPES'],
    ['GATEWAY_API_KEY', 'GATEWAY_API_KEYS'],
    ['OPENAI_REALTIME_MODELS', 'OPENAI_REALTIME_MODEL'],
  ] as const)
    t.deepEqual(faultsOf({ [name]: 'MARKED-SECRET' }), [`${name}: is no setting; did you mean ${meant}?`])
  t.deepEqual(faultsOf({ REALTIME_VIOCE: ' ' }), [])
})

test("a name that may be another program's is a warning where it is near a setting; others mean nothing", t => {
  const warningsOf = (...names: string[]) =>
    readConfig(Object.fromEntries(names.map(name => [name, 'warn']))).warnings
  t.deepEqual(warningsOf('OPENAI_API_KEYS'), ['OPENAI_API_KEYS is no setting; did you mean OPENAI_API_KEY?'])
  t.deepEqual(warningsOf('LOG_LEVLE'), ['LOG_LEVLE is no setting; did you mean LOG_LEVEL?'])
  // The setting is there as well, so that its neighbour is no slip.
  t.deepEqual(warningsOf('REALTIME_VOICE', 'REALTIME_VOICES'), [
    'REALTIME_VOICES is no setting; did you mean REALTIME_VOICE?',
  ])
  for (const name of [
    'HOME',
    'POST',
    'OPENAI_ORG_ID',
    'PORTAL',
    'SSL_CERT_FILE',
    'SSL_KEY_FILE',
    'HTTP_PROXY',
  ])
    t.deepEqual(warningsOf(name), [], name)
})

test('a certificate and its key are read at the start, and each fault names its setting', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const [pair, other] = await Promise.all([makeCertificate(), makeCertificate()])
  const cert = file('cert.pem', pair.cert)
  const key = file('key.pem', pair.key)
  const tls = (TLS_CERT_FILE: string, TLS_KEY_FILE: string) => faultsOf({ TLS_CERT_FILE, TLS_KEY_FILE })
  t.deepEqual(tls(cert, key), [])
  t.deepEqual(tls(file('both.pem', pair.key + pair.cert), file('chain.pem', pair.cert + pair.key)), [])
  t.deepEqual(tls(join(folder, 'none.pem'), folder), [
    `TLS_CERT_FILE: "${folder}/none.pem" cannot be read (ENOENT)`,
    `TLS_KEY_FILE: "${folder}" cannot be read (EISDIR)`,
  ])
  t.deepEqual(tls(key, cert), [
    `TLS_CERT_FILE: "${key}" has no certificate in PEM form`,
    `TLS_KEY_FILE: "${cert}" has no private key in PEM form, or one with a passphrase`,
  ])
  t.deepEqual(tls(cert, file('other.pem', other.key)), [
    `TLS_KEY_FILE: "${folder}/other.pem" is not the key of the certificate in TLS_CERT_FILE`,
  ])
})

test('all faults are told at once, by name, with what is allowed, and without a value that may be a secret', t => {
  const faults = faultsOf({
    PORT: '99999',
    REALTIME_TEXT_ONLY: 'perhaps',
    LOG_LEVEL: 'sk-a-secret-in-the-wrong-place',
    AZURE_OPENAI_ENDPOINT: 'http://example.com',
    AZURE_OPENAI_AUTH: 'key',
    TLS_CERT_FILE: 'cert.pem',
    REALTIME_EXTRACT_FIELDS_MAP: 'no-colon',
    REALTIME_EXTRACT_JSON_STRATEGY: 'guess',
    REALTIME_EXTRACT_PICK: 'best',
    APPLICATION_GATEWAY_HOST: 'https://host/path',
  })
  const all = faults.join('\n')
  t.regex(all, /PORT: is the number 99999; allowed is a whole number from 0 to 65535/)
  t.regex(all, /REALTIME_TEXT_ONLY: is "perhaps"; allowed is true or false/)
  t.regex(all, /LOG_LEVEL: is a text of 30 characters; /)
  t.regex(all, /LOG_LEVEL: .*allowed is trace, debug, info, warn, error, silent/)
  t.regex(all, /AZURE_OPENAI_ENDPOINT: .*https/)
  t.regex(all, /AZURE_OPENAI_API_KEY: is unset/)
  t.regex(all, /TLS_KEY_FILE: is unset/)
  t.regex(all, /REALTIME_EXTRACT_FIELDS_MAP: .*no-colon/)
  t.regex(all, /REALTIME_EXTRACT_PICK: .*first, last/)
  t.regex(all, /REALTIME_EXTRACT_JSON_STRATEGY: .*fenced_or_bare, strict_fence, first_object/)
  t.regex(all, /APPLICATION_GATEWAY_HOST/)
  t.notRegex(all, /a-secret/)
})

const key = { AZURE_OPENAI_API_KEY: 'k' }
const addresses: [what: string, env: Record<string, string>, url: string][] = [
  [
    'an openai.azure.com host',
    { ...key, AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/' },
    'wss://name.openai.azure.com/openai/v1/realtime?model=gpt-realtime',
  ],
  [
    'a services.ai.azure.com host',
    { ...key, AZURE_OPENAI_ENDPOINT: 'https://name.services.ai.azure.com', AZURE_OPENAI_DEPLOYMENT: 'mine' },
    'wss://name.services.ai.azure.com/openai/v1/realtime?model=mine',
  ],
  [
    'a cognitiveservices host',
    { ...key, AZURE_OPENAI_ENDPOINT: 'https://name.cognitiveservices.azure.com/' },
    'wss://name.cognitiveservices.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-realtime',
  ],
  [
    'a preview version',
    {
      ...key,
      AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/',
      AZURE_OPENAI_API_VERSION: '2024-10-01-preview',
    },
    'wss://name.openai.azure.com/openai/realtime?api-version=2024-10-01-preview&deployment=gpt-realtime',
  ],
  [
    'a version before 2025-08',
    {
      ...key,
      AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/',
      AZURE_OPENAI_API_VERSION: '2025-07-31',
    },
    'wss://name.openai.azure.com/openai/realtime?api-version=2025-07-31&deployment=gpt-realtime',
  ],
  [
    'a GA version, which is not sent',
    {
      ...key,
      AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/',
      AZURE_OPENAI_API_VERSION: '2025-08-28',
    },
    'wss://name.openai.azure.com/openai/v1/realtime?model=gpt-realtime',
  ],
  [
    'an endpoint with a path',
    { ...key, AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/openai/v1/' },
    'wss://name.openai.azure.com/openai/v1/realtime?model=gpt-realtime',
  ],
  [
    'loopback',
    { ...key, AZURE_OPENAI_ENDPOINT: 'ws://127.0.0.1:9000' },
    'ws://127.0.0.1:9000/openai/v1/realtime?model=gpt-realtime',
  ],
  [
    'a deployment list, of which the first is the default',
    {
      ...key,
      AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/',
      AZURE_OPENAI_DEPLOYMENT_NAME: ' a , b',
    },
    'wss://name.openai.azure.com/openai/v1/realtime?model=a',
  ],
  ['OpenAI', { OPENAI_API_KEY: 'k' }, 'wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1'],
  [
    'OpenAI with its own base and model',
    {
      OPENAI_API_KEY: 'k',
      OPENAI_BASE_URL: 'https://eu.api.openai.com/v1/',
      OPENAI_REALTIME_MODEL: 'gpt-realtime-1.5',
    },
    'wss://eu.api.openai.com/v1/realtime?model=gpt-realtime-1.5',
  ],
]

for (const [what, env, url] of addresses) {
  test(`the upstream address for ${what}`, t => {
    const { target } = readConfig(env)
    t.truthy(target)
    if (target !== null) t.is(realtimeUrl(target, target.deployments[0]).href, url)
  })
}

for (const [given, host] of [
  ['example.com', 'ws://example.com'],
  ['https://example.com', 'wss://example.com'],
  ['http://example.com:8080', 'ws://example.com:8080'],
] as const) {
  test(`pages connect to ${host} for APPLICATION_GATEWAY_HOST=${given}`, t => {
    t.is(readConfig({ APPLICATION_GATEWAY_HOST: given }).socketHost, host)
  })
}
