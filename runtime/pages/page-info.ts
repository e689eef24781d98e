/** What pages are told: the content of `<meta name="gateway">`. */
import type { Provider } from '../core/ports.ts'

/** What a page knows of the gateway that serves it: the content of `<meta name="gateway">`. */
export interface GatewayInfo {
  provider: Provider
  model: string
  revision: string
  replica: string
  /** Where sockets are opened: '' for the page's own host, else `ws://host` or `wss://host`. */
  host: string
  /** What must be shown to connect; empty: nothing. */
  auth: ('key' | 'entra')[]
  /** Absent where pages cannot sign in with Entra ID. */
  entra?: EntraSignIn
  /** What `/realtime` lets through, and what it searches for JSON: globs of event types. */
  allowedEventTypes: string[]
  extractedEventTypes: string[]
  /** Models of transcription sessions; the first is the default. */
  transcriptionModels: string[]
  /** Writes down the turns of a conversation; absent: nothing does. */
  turnTranscription?: string
  /** There is no audio: `/chat` takes text alone. */
  textOnly: boolean
  /** Addresses that not every gateway has, and pages ask: `/assistants`, `/usage`, `/simulator/process`. */
  offers: string[]
}

/** How people sign in with Entra ID: what MSAL asks for. */
export interface EntraSignIn {
  clientId: string
  /** For example `https://login.microsoftonline.com/TENANT`. */
  authority: string
  /** For example `api://CLIENT/Realtime.Use`. */
  scope: string
}
