/** The addresses of the Realtime API: whose they are and what is behind them. */
import type { Vendor } from '../session/context.ts'

export type Dialects = 'ga' | 'preview'

export type Purpose =
  | 'models'
  | 'session'
  | 'client_secrets'
  | 'translation'
  | 'translation_secrets'
  | 'translation_calls'
  | 'calls'
  | 'call_action'
  | 'legacy_session'
  | 'legacy_transcription_session'
  | 'legacy_call'

export interface Address {
  vendor: Vendor
  dialect: Dialects
  purpose: Purpose
  /** Of a call action. */
  callId?: string
  action?: string
}

interface Route {
  pattern: RegExp
  vendor: Vendor
  dialect: Dialects
  purpose: Purpose
}

/** Paths after the vendors' pages on WebSocket, WebRTC and SIP use; the last three are the 2024-25 interface. */
const routes: Route[] = [
  { pattern: /^\/v1\/models$/, vendor: 'openai', dialect: 'ga', purpose: 'models' },
  { pattern: /^\/v1\/realtime$/, vendor: 'openai', dialect: 'ga', purpose: 'session' },
  { pattern: /^\/v1\/realtime\/client_secrets$/, vendor: 'openai', dialect: 'ga', purpose: 'client_secrets' },
  { pattern: /^\/v1\/realtime\/calls$/, vendor: 'openai', dialect: 'ga', purpose: 'calls' },
  {
    pattern: /^\/v1\/realtime\/calls\/([^/]+)\/(\w+)$/,
    vendor: 'openai',
    dialect: 'ga',
    purpose: 'call_action',
  },
  { pattern: /^\/v1\/realtime\/sessions$/, vendor: 'openai', dialect: 'preview', purpose: 'legacy_session' },
  {
    pattern: /^\/v1\/realtime\/transcription_sessions$/,
    vendor: 'openai',
    dialect: 'preview',
    purpose: 'legacy_transcription_session',
  },
  { pattern: /^\/v1\/realtime\/translations$/, vendor: 'openai', dialect: 'ga', purpose: 'translation' },
  {
    pattern: /^\/v1\/realtime\/translations\/client_secrets$/,
    vendor: 'openai',
    dialect: 'ga',
    purpose: 'translation_secrets',
  },
  {
    pattern: /^\/v1\/realtime\/translations\/calls$/,
    vendor: 'openai',
    dialect: 'ga',
    purpose: 'translation_calls',
  },
  // Azure's addresses of translations are not proven: third parties use them.
  {
    pattern: /^\/openai\/v1\/realtime\/translations$/,
    vendor: 'azure',
    dialect: 'ga',
    purpose: 'translation',
  },
  {
    pattern: /^\/openai\/v1\/realtime\/translations\/client_secrets$/,
    vendor: 'azure',
    dialect: 'ga',
    purpose: 'translation_secrets',
  },
  {
    pattern: /^\/openai\/v1\/realtime\/translations\/calls$/,
    vendor: 'azure',
    dialect: 'ga',
    purpose: 'translation_calls',
  },
  { pattern: /^\/openai\/v1\/realtime$/, vendor: 'azure', dialect: 'ga', purpose: 'session' },
  {
    pattern: /^\/openai\/v1\/realtime\/client_secrets$/,
    vendor: 'azure',
    dialect: 'ga',
    purpose: 'client_secrets',
  },
  { pattern: /^\/openai\/v1\/realtime\/calls$/, vendor: 'azure', dialect: 'ga', purpose: 'calls' },
  {
    pattern: /^\/openai\/v1\/realtime\/calls\/([^/]+)\/(\w+)$/,
    vendor: 'azure',
    dialect: 'ga',
    purpose: 'call_action',
  },
  { pattern: /^\/openai\/realtime$/, vendor: 'azure', dialect: 'preview', purpose: 'session' },
  {
    pattern: /^\/openai\/realtimeapi\/sessions$/,
    vendor: 'azure',
    dialect: 'preview',
    purpose: 'legacy_session',
  },
  {
    pattern: /^\/openai\/realtime\/transcription_sessions$/,
    vendor: 'azure',
    dialect: 'preview',
    purpose: 'legacy_transcription_session',
  },
  { pattern: /^\/v1\/realtimertc$/, vendor: 'azure', dialect: 'preview', purpose: 'legacy_call' },
]

const base = 'http://simulator'

/** The address of a request; one that cannot be read leads to `/`, where nothing is. */
export function requestUrl({ url = '/' }: { url?: string | undefined }): URL {
  return URL.canParse(url, base) ? new URL(url, base) : new URL(base)
}

/** Finds what is behind a path; null when nothing is. A trailing slash does not matter. */
export function addressAt(path: string): Address | null {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  for (const { pattern, vendor, dialect, purpose } of routes) {
    const match = pattern.exec(plain)
    if (match === null) continue
    const [, callId, action] = match
    return {
      vendor,
      dialect,
      purpose,
      ...(callId !== undefined && { callId: decoded(callId) }),
      ...(action !== undefined && { action }),
    }
  }
  return null
}

/** What is no percent-encoding stays as it is: no call has such an id. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
