/** What all sessions of one simulator share, and the set of the sessions themselves. */
import { Clock } from './clock.ts'
import { FaultInjector } from './faults/fault-injector.ts'
import { createIds, createRandom, type Ids } from './ids.ts'
import type { Script } from './model/script.ts'
import type { SessionConfig } from './protocol/types.ts'
import type { Recording } from './replay/recording.ts'
import type { Vendor } from './session/context.ts'
import { Session } from './session/session.ts'
import type { PhoneCall } from './telephone/phone-call.ts'
import type { TranslationSession } from './translation/session.ts'
import { createSecrets, type Secrets } from './transport/secrets.ts'
import { createSpeechSynthesizer, type SpeechSynthesizer } from './voice/speaker.ts'

export interface StateOptions {
  seed: number
  /** Audio pace: times faster than real time. */
  rate: number
  sessionLifetimeSec: number
  /** Whether faults may be asked for. */
  faults: boolean
  /** Played to every client in place of a session. */
  recording: Recording | null
  /** Answers in place of the scripted model's own, for all sessions together. */
  script: Script | null
}

/** What one session may have of its own. */
export interface SessionTraits {
  lifetimeSec?: number
  /** Error code with which the first response fails. */
  failure?: string
  /** Whether its user is at the other end of a call. */
  inCall?: boolean
  /** Called once, when the session is over. */
  ended?: () => void
}

export class SimulatorState {
  readonly clock = new Clock()
  readonly ids: Ids
  readonly speaker: SpeechSynthesizer
  readonly secrets: Secrets
  readonly faults: FaultInjector
  readonly recording: Recording | null
  /** Sessions of running calls, by call id. */
  readonly calls = new Map<string, Session>()
  /** Sessions of running calls that translate, by call id. */
  readonly translationCalls = new Map<string, TranslationSession>()
  /** Telephone calls that ring or are spoken on, by call id. */
  readonly phoneCalls = new Map<string, PhoneCall>()
  readonly #options: StateOptions
  readonly #nextSeed: () => number
  readonly #sessions = new Set<Session>()

  constructor(options: StateOptions) {
    this.#options = options
    this.#nextSeed = createRandom(options.seed ^ 0x5eed)
    this.ids = createIds(options.seed)
    this.speaker = createSpeechSynthesizer(options.seed)
    this.secrets = createSecrets(this.ids)
    this.faults = new FaultInjector(options.faults)
    this.recording = options.recording
  }

  /** Makes a session; it is in the simulator until it ends. */
  open(vendor: Vendor, config: SessionConfig, traits: SessionTraits = {}): Session {
    const { clock, speaker } = this
    const { rate, sessionLifetimeSec, script } = this.#options
    const seed = Math.floor(this.#nextSeed() * 2 ** 32)
    const lifetimeSec = traits.lifetimeSec ?? sessionLifetimeSec
    const { failure = null, inCall = false } = traits
    const session: Session = new Session(
      { vendor, config, clock, speaker, seed, rate, lifetimeSec, failure, inCall, script },
      () => {
        this.#sessions.delete(session)
        traits.ended?.()
      },
    )
    this.#sessions.add(session)
    return session
  }

  /** What a session that translates has of the simulator. */
  translationTraits(): { seed: number; lifetimeSec: number } {
    const seed = Math.floor(this.#nextSeed() * 2 ** 32)
    return { seed, lifetimeSec: this.#options.sessionLifetimeSec }
  }

  /** Ends every session and stops the clock. */
  close(): void {
    for (const call of this.phoneCalls.values()) if (call.phase === 'ringing') call.leave()
    for (const session of this.translationCalls.values()) session.close()
    for (const session of this.#sessions) session.end(1001, 'The simulator is closing.')
    this.clock.stop()
  }
}
