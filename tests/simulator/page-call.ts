/** What `caller.js` gives to a page, so that tests can write page code with types. */
import type { Received } from './conversation.ts'

export interface PageCall {
  events: Received[]
  peer: { close(): void; getSenders(): { track: { enabled: boolean } }[] }
  callId: string
  location: string
  send(event: object): void
  /** The first event of a type, from an index on; waits for it. */
  event(type: string, from?: number): Promise<Received>
  /** Waits for sound; gives its level. */
  heard(): Promise<number>
  forget(): void
  /** Waits until the channel is open at this end. */
  opened(): Promise<boolean>
  closed(): Promise<boolean>
  /** WebRTC's own figures of the audio received. */
  stats(): Promise<{ concealmentEvents: number; totalAudioEnergy: number; packetsLost: number }>
}

declare global {
  var call: (url: string, key: string, options?: { audio?: boolean }) => Promise<PageCall>
  var callByForm: (
    url: string,
    key: string,
    session: object,
  ) => Promise<{ status: number; location: string; created: Received }>
}
