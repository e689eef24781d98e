/** What the gateway offers over HTTP for a call. */
import type { Access } from '../access/access.ts'

/** The gateway's answer to an offer. */
export interface CallAnswer {
  sdp: string
  callId: string
}

/** One session as the gateway tells of it. */
export interface SessionInfo {
  session_id: string
  call_id: string | null
  created_at: string
  /** null: nobody controls the call, and upstream was not asked a moment ago. */
  webrtc_connected: boolean | null
  websocket_connected: boolean
  events_from_openai: number
  events_to_openai: number
  last_event_type: string | null
  origin?: 'browser' | 'telephone'
  ended_at?: string | null
  ended_reason?: string | null
}

/** The gateway's side of this page. Every call throws Refused with the gateway's own words. */
export class SidebandApi {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async createSession(): Promise<string> {
    const { session_id } = await this.#post<{ session_id: string }>('/sideband/session', {})
    return session_id
  }

  /** Hands on an offer. @param sdp the browser's */
  async offer(sdp: string, sessionId: string, instructions: string): Promise<CallAnswer> {
    const body = { sdp, session_id: sessionId, ...(instructions && { instructions }) }
    const answer = await this.#post<{ sdp: string; call_id: string }>('/sideband/offer', body)
    return { sdp: answer.sdp, callId: answer.call_id }
  }

  async sessions(): Promise<SessionInfo[]> {
    const response = await this.#access.fetch('/sideband/sessions')
    const { sessions } = (await response.json()) as { sessions: SessionInfo[] }
    return sessions
  }

  async session(sessionId: string): Promise<SessionInfo> {
    const response = await this.#access.fetch(`/sideband/session/${encodeURIComponent(sessionId)}`)
    return (await response.json()) as SessionInfo
  }

  async hangUp(sessionId: string): Promise<void> {
    await this.#access.fetch(`/sideband/session/${encodeURIComponent(sessionId)}`, { method: 'DELETE' })
  }

  controlAddress(sessionId: string): Promise<string> {
    return this.#access.socketAddress(`/sideband/control/${encodeURIComponent(sessionId)}`)
  }

  async #post<Answer>(path: string, body: object): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' }
    const response = await this.#access.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await response.json()) as Answer
  }
}

/** What went wrong with a call to the gateway, in its own words where it gave some. */
export function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
