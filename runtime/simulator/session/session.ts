/** One session of the Realtime API, whatever lines lead to it. */

import type { Pacer } from '../clock.ts'
import { createIds, type Ids } from '../ids.ts'
import type { Script } from '../model/script.ts'
import { type ClientEvent, Refusal, refuse, type ServerEvent, type SessionConfig } from '../protocol/types.ts'
import type { SpeechSynthesizer } from '../voice/speaker.ts'
import { ClientEvents } from './client-events.ts'
import { shownSession } from './config.ts'
import type { Context, Playout, Vendor } from './context.ts'
import { Conversation } from './conversation.ts'
import { eventIdOf, expiredCloseCode, notText, parseFrame, serverError, sessionExpired } from './frame.ts'
import { Timeline } from './timeline.ts'
import { carries, frameOf, type Wire } from './wire.ts'

/** A line with more than this queued (bytes) is given no more speech. */
const congestedBytes = 1024 * 1024
/** Nor when this much speech waits to be played. */
const congestedPlayoutMs = 60_000
const normalCloseCode = 1000
const failedCloseCode = 1011

export interface SessionOptions {
  config: SessionConfig
  vendor: Vendor
  clock: Pacer
  speaker: SpeechSynthesizer
  /** Seed of this session's ids and obfuscation. */
  seed: number
  /** Audio pace: times faster than real time. */
  rate: number
  /** Default: none. */
  script?: Script | null
  lifetimeSec: number
  /** Whether its user is at the other end of a call. Default false. */
  inCall?: boolean
  /** Error code with which the first response fails; null for none. */
  failure: string | null
}

export class Session {
  readonly id: string
  readonly #context: Context
  readonly #timeline: Timeline
  readonly #clientEvents: ClientEvents
  readonly #wires = new Set<Wire>()
  readonly #ended: () => void
  readonly #lifetime: NodeJS.Timeout
  readonly #lifetimeSec: number
  #over = false

  /**
   * Nothing is sent before `start`.
   *
   * @param ended called once, when the session is over
   */
  constructor(options: SessionOptions, ended: () => void) {
    const { clock, speaker, vendor, rate, script = null, config, failure, lifetimeSec } = options
    const ids = createIds(options.seed)
    this.#ended = ended
    this.#lifetimeSec = lifetimeSec
    this.#timeline = new Timeline(clock, () => this.#fail())
    this.id = sessionId(ids, options.inCall === true && vendor === 'openai')
    this.#context = {
      id: this.id,
      conversationId: ids.next('conv'),
      conversation: new Conversation(),
      playout: null,
      emit: ({ type, ...fields }) =>
        this.#deliver({ type, event_id: eventId(ids, type), ...fields }, this.#wires),
      congested: () => this.#congested(),
      ...{ vendor, ids, speaker, rate, script, config, failure },
    }
    const expiresAt = Math.floor(Date.now() / 1000) + lifetimeSec
    this.#clientEvents = new ClientEvents(this.#context, this.#timeline, () =>
      shownSession(this.config, this.id, expiresAt),
    )
    this.#lifetime = setTimeout(() => this.expire(), lifetimeSec * 1000)
    this.#lifetime.unref()
  }

  get config(): SessionConfig {
    return this.#context.config
  }

  /** Adds a line. Several may lead to one session. */
  attach(wire: Wire): void {
    if (this.#over) wire.close(expiredCloseCode, 'The session is over.')
    else this.#wires.add(wire)
  }

  detach(wire: Wire): void {
    this.#wires.delete(wire)
  }

  /** Says `session.created` to every line. */
  start(): void {
    this.#clientEvents.greet()
  }

  /** One text frame from a line. What is wrong with it is answered with `error`, to that line alone. */
  receive(text: string, from: Wire): void {
    const frame = parseFrame(text)
    this.#attempt(eventIdOf(frame), [from], () => {
      if (frame instanceof Refusal) throw frame
      refuse(from.dialect.check(frame))
      const event = from.dialect.inward(frame as ClientEvent)
      if (event.type === 'session.close') this.end(normalCloseCode, '')
      else this.#clientEvents.perform(event)
    })
  }

  /** Answers a frame that is not text. */
  receiveBinary(from: Wire): void {
    this.#complain(notText(), null, [from])
  }

  /** Audio that came by WebRTC, in the session's input format. */
  hear(audio: Buffer): void {
    this.#attempt(null, this.#wires, () => this.#clientEvents.hear(audio))
  }

  /** Gives the session a loudspeaker. */
  playThrough(playout: Playout): void {
    this.#context.playout = playout
  }

  /** Shortens an item that was being played, as the server of a WebRTC call does by itself. */
  truncatePlayed(itemId: string, playedMs: number): void {
    this.#clientEvents.truncatePlayed(itemId, playedMs)
  }

  /** Tells all lines of a playout event. */
  tell(event: ServerEvent): void {
    this.#context.emit(event)
  }

  /** Tells all lines of an event that has no id. */
  tellPlainly(event: ServerEvent): void {
    this.#deliver(event, this.#wires)
  }

  /** Ends the session and closes its lines; safe to call twice. */
  end(code: number, reason: string): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#lifetime)
    this.#timeline.stop()
    for (const wire of this.#wires) wire.close(code, reason)
    this.#wires.clear()
    this.#ended()
  }

  /** Ends it as the time limit does: `session_expired`, then close 1001. */
  expire(): void {
    const refusal = sessionExpired(this.#lifetimeSec)
    this.#complain(refusal, null, this.#wires)
    this.end(expiredCloseCode, refusal.message)
  }

  /** An action of the simulator's own has thrown: what it was about cannot go on, other sessions can. */
  #fail(): void {
    this.#complain(serverError(), null, this.#wires)
    this.end(failedCloseCode, 'The server had an error.')
  }

  #attempt(eventId: string | null, from: Iterable<Wire>, action: () => void): void {
    try {
      this.#timeline.during(action)
    } catch (problem) {
      this.#complain(problem instanceof Refusal ? problem : serverError(), eventId, from)
    }
  }

  #complain({ type, code, message, param }: Refusal, eventId: string | null, to: Iterable<Wire>): void {
    const error = { type, code, message, param, event_id: eventId }
    this.#deliver({ type: 'error', event_id: this.#context.ids.next('event'), error }, to)
  }

  #deliver(event: ServerEvent, wires: Iterable<Wire>): void {
    for (const wire of wires) {
      if (!carries(wire.kind, event.type)) continue
      for (const said of wire.dialect.outward(event)) wire.send(frameOf(said))
    }
  }

  #congested(): boolean {
    if ((this.#context.playout?.backlogMs() ?? 0) > congestedPlayoutMs) return true
    for (const wire of this.#wires) if (wire.buffered() > congestedBytes) return true
    return false
  }
}

/** OpenAI marks sessions of calls, as it marks the calls (`rtc_u0_`). Source: recordings (pydantic-ai, 2026-07). */
function sessionId(ids: Ids, isMarked: boolean): string {
  const id = ids.next('sess')
  return isMarked ? id.replace('sess_', 'sess_u0_') : id
}

/** Another part of the service tells of playout, with ids of another form. Source: as above. */
function eventId(ids: Ids, type: string): string {
  return type.startsWith('output_audio_buffer.') ? `event_${ids.hex(16)}` : ids.next('event')
}
