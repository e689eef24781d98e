/** Addresses of upstream: which form a resource takes, and where its sessions, calls and HTTP interface are. */
import test from 'ava'
import {
  azureTarget,
  callUrl,
  checkTranslates,
  openaiTarget,
  realtimeUrl,
  restUrl,
  sessionUrl,
  simulatorTarget,
  type Target,
} from '../../runtime/upstream/target.ts'

const resource = new URL('https://name.openai.azure.com/openai/v1')
const ga = azureTarget(resource, ['d'], undefined)
const preview = azureTarget(resource, ['d'], '2025-04-01-preview')
const openai = openaiTarget(new URL('https://api.openai.com/v1'), ['d'])
const slashed = openaiTarget(new URL('http://127.0.0.1:9/v1//'), ['d'])
const simulator = simulatorTarget('http://127.0.0.1:9', ['d'])

const rows: readonly (readonly [target: Target, purpose: Parameters<typeof sessionUrl>[2], url: string])[] = [
  [ga, undefined, 'wss://name.openai.azure.com/openai/v1/realtime?model=d'],
  [ga, 'conversation', 'wss://name.openai.azure.com/openai/v1/realtime?model=d'],
  [ga, 'transcription', 'wss://name.openai.azure.com/openai/v1/realtime?intent=transcription'],
  [ga, 'translation', 'wss://name.openai.azure.com/openai/v1/realtime/translations?model=d'],
  [
    preview,
    'conversation',
    'wss://name.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d',
  ],
  [
    preview,
    'transcription',
    'wss://name.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&intent=transcription',
  ],
  [openai, 'conversation', 'wss://api.openai.com/v1/realtime?model=d'],
  [openai, 'transcription', 'wss://api.openai.com/v1/realtime?intent=transcription'],
  [openai, 'translation', 'wss://api.openai.com/v1/realtime/translations?model=d'],
  [slashed, 'conversation', 'ws://127.0.0.1:9/v1/realtime?model=d'],
  [simulator, 'conversation', 'ws://127.0.0.1:9/v1/realtime?model=d'],
]

for (const [target, purpose, url] of rows)
  test(`${purpose ?? 'by default'} at ${target.label}, ${target.dialect}: ${url}`, t => {
    t.is(sessionUrl(target, 'd', purpose).href, url)
  })

/** An Azure resource and the version that is set: the version that its addresses carry; null in the form of GA. */
const versions: readonly (readonly [host: string, set: string | undefined, used: string | null])[] = [
  ['name.openai.azure.com', undefined, null],
  ['name.openai.azure.com', '2025-08-28', null],
  ['name.openai.azure.com', '2025-08', null],
  ['name.openai.azure.com', '2025-07-31', '2025-07-31'],
  ['name.openai.azure.com', '2024-10-01-preview', '2024-10-01-preview'],
  ['name.openai.azure.com', '2026-01-01-preview', '2026-01-01-preview'],
  ['name.cognitiveservices.azure.com', undefined, '2025-04-01-preview'],
  ['name.cognitiveservices.azure.com', '2025-08-28', '2025-04-01-preview'],
  ['name.cognitiveservices.azure.com', '2024-12-17', '2024-12-17'],
  ['cognitiveservices.azure.com.example', undefined, null],
]

for (const [host, set, used] of versions) {
  test(`${host} with the version ${set ?? '(none)'} speaks ${used === null ? 'GA' : `the preview ${used}`}`, t => {
    const target = azureTarget(new URL(`https://${host}/openai/v1`), ['a', 'b'], set)
    const { baseUrl, ...others } = target
    t.is(baseUrl.href, `https://${host}/`)
    const common = { provider: 'azure', label: 'Azure OpenAI', deployments: ['a', 'b'] } as const
    if (used === null) t.deepEqual(others, { ...common, dialect: 'ga' })
    else t.deepEqual(others, { ...common, dialect: 'preview', apiVersion: used })
    const { pathname, searchParams } = realtimeUrl(target, 'a')
    t.is(pathname, used === null ? '/openai/v1/realtime' : '/openai/realtime')
    t.is(searchParams.get('api-version'), used)
    t.is(searchParams.get('model'), used === null ? 'a' : null)
    t.is(searchParams.get('deployment'), used === null ? null : 'a')
  })
}

test('a preview without a version is asked for with the last one', t => {
  const { apiVersion: _, ...unversioned } = preview
  t.is(realtimeUrl(unversioned, 'd').searchParams.get('api-version'), '2025-04-01-preview')
})

test('OpenAI and the simulator are named as such', t => {
  t.like(openai, { provider: 'openai', label: 'OpenAI', dialect: 'ga', deployments: ['d'] })
  t.is(openai.baseUrl.href, 'https://api.openai.com/v1')
  t.like(simulator, { provider: 'simulator', label: 'the simulator', dialect: 'ga', deployments: ['d'] })
  t.is(simulator.baseUrl.href, 'http://127.0.0.1:9/v1')
})

/** Where a running call is joined, and where something is asked over HTTP. */
const others: readonly (readonly [target: Target, call: string, translation: string, rest: string])[] = [
  [
    ga,
    'wss://name.openai.azure.com/openai/v1/realtime?call_id=rtc_1',
    'wss://name.openai.azure.com/openai/v1/realtime/translations?call_id=rtc_1',
    'https://name.openai.azure.com/openai/v1/realtime/calls',
  ],
  [
    openai,
    'wss://api.openai.com/v1/realtime?call_id=rtc_1',
    'wss://api.openai.com/v1/realtime/translations?call_id=rtc_1',
    'https://api.openai.com/v1/realtime/calls',
  ],
  [
    slashed,
    'ws://127.0.0.1:9/v1/realtime?call_id=rtc_1',
    'ws://127.0.0.1:9/v1/realtime/translations?call_id=rtc_1',
    'http://127.0.0.1:9/v1/realtime/calls',
  ],
]

for (const [target, call, translation, rest] of others) {
  test(`calls at ${target.baseUrl.host}: ${call} and ${rest}`, t => {
    t.is(callUrl(target, 'rtc_1').href, call)
    t.is(callUrl(target, 'rtc_1', 'translation').href, translation)
    t.is(restUrl(target, 'calls').href, rest)
  })
}

test('an address is of its own: the target stays as it is', t => {
  const before = openai.baseUrl.href
  sessionUrl(openai, 'd', 'translation')
  t.is(openai.baseUrl.href, before)
})

test('only the form of GA has translations', t => {
  t.notThrows(() => checkTranslates(ga))
  t.throws(() => checkTranslates(preview), { code: 'not_found' })
})
