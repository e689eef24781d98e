/** What a rehearsal writes down. Times are milliseconds since its start. */

export type Color = 'blue' | 'green' | 'other'

/** How a client spends its time when the old revision goes. */
export type Phase = 'idle' | 'speaking' | 'turns' | 'listening' | 'tool'

/** One socket, from dial to close. */
export interface Link {
  readonly revision: string
  readonly replica: string
  readonly openedAt: number
  closedAt: number | null
  code: number | null
  reason: string
  /** A turn was in flight when it closed. */
  cut: boolean
}

export interface Turn {
  readonly number: number
  readonly askedAt: number
  answeredAt: number | null
  /** How often its whole answer arrived. */
  answers: number
}

/** One scripted client over all its sockets. */
export interface ClientRecord {
  readonly id: number
  readonly phase: Phase
  /** Which part of the plan opened it. */
  readonly cohort: string
  readonly links: Link[]
  readonly turns: Turn[]
  /** From a close to `session.resumed` on the next socket (ms). */
  readonly gaps: number[]
  /** What the model said it remembers at the end, against what was said. */
  memory: { expected: number[]; remembered: number[] } | null
  readonly faults: string[]
}

export interface Mark {
  readonly at: number
  readonly what: string
}

export interface Proof {
  readonly name:
    | 'cooldownPeriod'
    | 'session affinity'
    | 'graceful termination'
    | 'multi-revision'
    | 'continuity'
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
  readonly closeCodes: Readonly<Record<string, number>>
}
