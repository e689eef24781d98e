/**
 * A telephone call at the simulator. It rings until it is decided on by its id; an accepted one is a session whose
 * user is on the line.
 *
 * | phase   | accept   | reject   | refer    | hangup   | caller leaves | nobody decides |
 * |---------|----------|----------|----------|----------|---------------|----------------|
 * | ringing | → active | → over   | refused  | → over   | → over        | → over         |
 * | active  | refused  | refused  | → over   | → over   | → over        | –              |
 * | over    | unknown  | unknown  | unknown  | unknown  | –             | –              |
 *
 * Assumed, as no document says it: a second decision is refused with 409 and `decision_already_made` (the code is
 * that of the Live API), and a hang-up ends a call that rings.
 */
import { pcmRate } from '../../core/contract.ts'
import type { Cancel } from '../clock.ts'
import type { SessionConfig } from '../protocol/types.ts'
import type { Vendor } from '../session/context.ts'
import type { Session } from '../session/session.ts'
import type { SimulatorState } from '../state.ts'
import { encodeAudio } from '../voice/formats.ts'

/** How a call ended. */
export interface CallEnd {
  by: 'rejected' | 'referred' | 'hung up' | 'caller' | 'no answer' | 'session'
  /** SIP status of a rejection. */
  status?: number
  /** Where a referred call goes. */
  target?: string
}

export interface PhoneCallOptions {
  vendor: Vendor
  /** Headers of the SIP INVITE, in their order. */
  sipHeaders: { name: string; value: string }[]
  /** A call that nobody decides on ends after this (ms). */
  ringMs: number
  /** Time between the answer of `accept` and the first moment in which the call can be joined (ms). */
  setUpMs: number
}

/** Pauses at the end of what the caller says, so that turn detection hears that it has ended (ms). */
const pauseMs = 1200
const toneHz = 220
/** As long as a frame of a WebRTC call (ms). */
const frameMs = 20
const toneLevel = 8000
const normalCloseCode = 1000

export class PhoneCall {
  readonly id: string
  readonly options: PhoneCallOptions
  /** Resolves when the call is accepted. */
  readonly accepted: Promise<SessionConfig>
  /** Resolves when the call is over. */
  readonly ended: Promise<CallEnd>
  readonly #simulator: SimulatorState
  readonly #accept = Promise.withResolvers<SessionConfig>()
  readonly #end = Promise.withResolvers<CallEnd>()
  #phase: 'ringing' | 'active' | 'over' = 'ringing'
  #session: Session | null = null
  #endedBy: CallEnd = { by: 'session' }
  #stopPlaying: Cancel = () => {}
  readonly #stopRinging: Cancel

  constructor(simulator: SimulatorState, options: PhoneCallOptions) {
    this.#simulator = simulator
    this.options = options
    this.id =
      options.vendor === 'azure'
        ? `rtc_${simulator.ids.hex(32)}`
        : `rtc_u0_${simulator.ids.next('item').slice(5)}`
    this.accepted = this.#accept.promise
    this.ended = this.#end.promise
    this.#stopRinging = simulator.clock.at(simulator.clock.now() + options.ringMs, () =>
      this.end({ by: 'no answer' }),
    )
  }

  get phase(): 'ringing' | 'active' | 'over' {
    return this.#phase
  }

  /** Answers the call with a session. @returns false when the caller has left meanwhile */
  async accept(config: SessionConfig): Promise<boolean> {
    this.#phase = 'active'
    this.#stopRinging()
    const { Loudspeaker } = await import('../webrtc/loudspeaker.ts')
    if (this.phase !== 'active') return false
    const session = this.#simulator.open(this.options.vendor, config, { ended: () => this.#over() })
    const loudspeaker = new Loudspeaker({
      tell: event => session.tell(event),
      cut: (itemId, playedMs) => session.truncatePlayed(itemId, playedMs),
    })
    session.playThrough(loudspeaker)
    this.#session = session
    this.#play(loudspeaker)
    session.start()
    const { clock } = this.#simulator
    clock.at(clock.now() + this.options.setUpMs, () => {
      if (this.#phase === 'active') this.#simulator.calls.set(this.id, session)
    })
    this.#accept.resolve(config)
    return true
  }

  /** Ends the call; safe to call twice. */
  end(by: CallEnd): void {
    if (this.#phase === 'over') return
    this.#endedBy = by
    if (this.#session === null) this.#over()
    else this.#session.end(normalCloseCode, '')
  }

  /** The caller hangs up. */
  leave(): void {
    this.end({ by: 'caller' })
  }

  /** The caller says something: a tone of this length (ms), and a pause. */
  say(ms: number): void {
    const samples = new Int16Array(((ms + pauseMs) * pcmRate) / 1000)
    const spoken = (ms * pcmRate) / 1000
    for (let at = 0; at < spoken; at += 1)
      samples[at] = Math.round(toneLevel * Math.sin((2 * Math.PI * toneHz * at) / pcmRate))
    const session = this.#session
    if (session !== null) session.hear(encodeAudio(samples, session.config.audio.input.format))
  }

  /** The caller presses a key: `0` to `9`, `*`, `#`. The event has no `event_id` (`openai`, realtime.d.ts). */
  press(key: string): void {
    const received_at = Math.floor(Date.now() / 1000)
    this.#session?.tellPlainly({ type: 'input_audio_buffer.dtmf_event_received', event: key, received_at })
  }

  #over(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#stopRinging()
    this.#stopPlaying()
    this.#simulator.calls.delete(this.id)
    this.#simulator.phoneCalls.delete(this.id)
    this.#end.resolve(this.#endedBy)
  }

  /** The line takes a frame every 20 ms; nobody hears it here. */
  #play(source: { nextFrame(): unknown }): void {
    const { clock } = this.#simulator
    let dueMs = clock.now()
    let cancel: Cancel = () => {}
    const take = () => {
      for (; dueMs <= clock.now(); dueMs += frameMs) source.nextFrame()
      cancel = clock.at(dueMs, take)
    }
    this.#stopPlaying = () => cancel()
    take()
  }
}
