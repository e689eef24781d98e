/** What a rehearsal writes down. Times are milliseconds since its start. */

import type { NetworkFault } from './network.ts'

/** What a conversation is at, as its client sees it; `away` is between two sockets. */
export const phases = ['connecting', 'idle', 'listening', 'speaking', 'tool pending', 'away'] as const
export type Phase = (typeof phases)[number]

/** What a client does: one for every phase, one that keeps talking, one at an address of the SDKs. */
export type Script =
  | 'idle'
  | 'speaking'
  | 'turns'
  | 'listening'
  | 'tool'
  | 'connecting'
  | 'sdk'
  | 'server tool'

/** One socket, from the upgrade to its close. */
export interface Link {
  readonly revision: string
  readonly replica: string
  readonly openedAt: number
  /** When `server.draining` came. */
  noticedAt: number | null
  closedAt: number | null
  code: number | null
  reason: string
  /** An answer was owed when it closed. */
  cut: boolean
  /** What a bad network did to it; null where it did nothing. */
  broken: NetworkFault | null
}

/** Words and sounds of answers, against those that the script foresees. */
export interface Tally {
  seen: number
  lost: number
  doubled: number
  /** Came, but not in their place. */
  disordered: number
  /** No word or sound of the answer. */
  foreign: number
}

/** One try to connect. */
export interface Dial {
  readonly at: number
  /** `open`; or why not: an HTTP status, or the system's code (`ECONNREFUSED`). */
  outcome: string
}

export interface Turn {
  readonly number: number
  readonly askedAt: number
  answeredAt: number | null
  /** How often its answer came to an end. */
  answers: number
  /** How often its answer broke off and was asked again. */
  cuts: number
  /** How the call of a tool that runs on the server ended, as the model says; null where none was asked for, or answered. */
  call: 'done' | 'interrupted' | null
}

/** One scripted client over all its sockets. */
export interface ClientRecord {
  readonly id: number
  readonly script: Script
  /** Which part of the plan opened it. */
  readonly cohort: string
  readonly links: Link[]
  readonly dials: readonly Dial[]
  /** Each phase begins where the one before it ends. */
  readonly phases: { readonly phase: Phase; readonly at: number }[]
  readonly turns: Turn[]
  readonly events: Tally
  /** Of `events.seen`, those of answers that broke off and were asked again. */
  cutEvents: number
  /** Words of answers that broke off which had not come by then. */
  unheardWords: number
  /** From a close to `session.resumed` on the next socket, at an address of no gateway to `session.created` (ms). */
  readonly gaps: number[]
  /** What the model said it remembers at the end, against what was said: `CLIENT.TURN`. */
  memory: { expected: string[]; remembered: string[] } | null
  readonly faults: string[]
}

export interface Mark {
  readonly at: number
  readonly what: string
}

export interface Proof {
  readonly name:
    | 'every phase'
    | 'cooldownPeriod'
    | 'session affinity'
    | 'graceful termination'
    | 'multi-revision'
    | 'continuity'
    | 'bad network'
    | 'server tools'
    | 'commands'
    | 'restart'
    | 'whole answers'
    | 'answers once'
    | 'everyone back'
    | 'closed by name'
  readonly passed: boolean
  /** What it means, and what was seen. */
  readonly meaning: string
  readonly evidence: readonly string[]
}

export interface Report {
  readonly title: string
  readonly startedAt: string
  readonly durationMs: number
  readonly options: Readonly<Record<string, unknown>>
  readonly marks: readonly Mark[]
  readonly clients: readonly ClientRecord[]
  readonly proofs: readonly Proof[]
  readonly figures: Figures
  readonly events: Tally & { readonly cut: number }
  /** Conversations on the old replica by their phase, in the moment it was told to go; null where nobody knows it. */
  readonly phases: Readonly<Record<Phase, number>> | null
}

export interface Figures {
  readonly clients: number
  readonly sockets: number
  readonly turns: number
  readonly lost: number
  readonly doubled: number
  readonly cut: number
  readonly forgotten: number
  readonly gapMs: { p50: number; p99: number; max: number }
  /** Words of answers that broke off which had not come by then. */
  readonly unheardWords: number
  /** Dials after the first of each client, and the most of them within one second. */
  readonly redials: number
  readonly peakRedials: number
  readonly closeCodes: Readonly<Record<string, number>>
}
