/** Differences between the vendors and this project that stand, and why. */
import type { Vendor } from './recording.ts'

export type Server = 'simulator' | 'gateway'

export interface Reason {
  /** Both, where none is named. */
  readonly vendor?: Vendor
  readonly server?: Server
  /** Part of the recording's name. */
  readonly recording?: string
  readonly difference: RegExp
  readonly reason: string
}

export const reasons: readonly Reason[] = [
  {
    vendor: 'openai',
    difference: /^type: rate_limits\.updated is sent$/,
    reason: 'OpenAI sends it some 40 ms after `response.done`, and these recordings end with that event',
  },
  {
    recording: 'test_audio_in_server_vad_transcription_requires_deployment',
    difference:
      /^value: session\.updated has session\.audio\.input\.transcription\.model "[^"]+", not "missing"$/,
    reason: 'The resource had no deployment of that name; the player names one that the simulator has not',
  },
  {
    recording: 'test_spoken_turn_transcribed_drives_a_tool',
    difference: /^value: session\.updated has session\.tool_choice "auto", not "required"$/,
    reason:
      'The simulator hears that somebody speaks and no words: the player demands the tool in their place',
  },
  {
    difference: /^field: POST \S+calls has body\.a=ice-lite, which is missing$/,
    reason: 'The library of WebRTC here is a full ICE agent, which a client need not tell from a lite one',
  },
  {
    difference: /^value: POST \S+calls\S* has body\.a=sendrecv 2, not 1$/,
    reason: 'The vendors mark the data channel too, where the line means nothing',
  },
  {
    server: 'simulator',
    difference: /^(value|kind): POST \S+client_secrets has access-control-\S+ /,
    reason: 'A browser may mint at the simulator: there is no account that a page could give away',
  },
  {
    vendor: 'azure',
    server: 'simulator',
    difference: /^value: POST \S+calls\S* has access-control-expose-headers "Location,X-Request-Id"/,
    reason: 'The same list, written with a space',
  },
  {
    server: 'gateway',
    difference: /^(value|kind): POST \S+ has access-control-\S+ /,
    reason:
      'The gateway answers the origins of ALLOWED_ORIGINS; the recorded clients, which name none, read no such header',
  },
  {
    server: 'gateway',
    difference:
      /^value: POST \S+calls\S* has content-type "text\/plain; charset=utf-8", not "application\/sdp"$/,
    reason: 'As the API reference has it; no client that is tested reads it',
  },
  {
    vendor: 'azure',
    server: 'gateway',
    difference: /^value: POST \S+calls\S* has location "\/v1\/realtime\/calls/,
    reason:
      "The gateway's own address of the call, below the path that the client asked; Azure leaves its prefix out",
  },
]

/** Finds why a difference stands; null where nobody said so. */
export function reasonFor(
  { vendor, server, recording }: { vendor: Vendor; server: Server; recording: string },
  difference: string,
): Reason | null {
  const found = reasons.find(
    each =>
      (each.vendor ?? vendor) === vendor &&
      (each.server ?? server) === server &&
      recording.includes(each.recording ?? '') &&
      each.difference.test(difference),
  )
  return found ?? null
}
