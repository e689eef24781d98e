/** The WebSocket address of a session, by where upstream is and what the session is for. */
import test from 'ava'
import { azureTarget, openaiTarget, sessionUrl, type Target } from '../../runtime/upstream/target.ts'

const resource = new URL('https://name.openai.azure.com/openai/v1')
const ga = azureTarget(resource, ['d'], undefined)
const preview = azureTarget(resource, ['d'], '2025-04-01-preview')
const openai = openaiTarget(new URL('https://api.openai.com/v1'), ['d'])

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
]

for (const [target, purpose, url] of rows)
  test(`${purpose ?? 'by default'} at ${target.label}, ${target.dialect}: ${url}`, t => {
    t.is(sessionUrl(target, 'd', purpose).href, url)
  })
