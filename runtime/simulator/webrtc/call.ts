/** One call: a session whose user is at the other end of a WebRTC connection. */
import type { RTCDataChannel } from 'werift'
import type { Cancel } from '../clock.ts'
import { gaDialect } from '../protocol/ga-dialect.ts'
import { createPreviewDialect } from '../protocol/preview-dialect.ts'
import type { SessionConfig } from '../protocol/types.ts'
import type { Vendor } from '../session/context.ts'
import type { Session } from '../session/session.ts'
import type { Dialect } from '../session/wire.ts'
import type { SimulatorState } from '../state.ts'
import type { Dialects } from '../transport/address.ts'
import { encodeAudio } from '../voice/formats.ts'
import { streamAudio } from './audio-stream.ts'
import { createChannelWire, filteredDialect } from './channel-wire.ts'
import { type Codec, createCodec } from './codec.ts'
import { Loudspeaker } from './loudspeaker.ts'
import { Peer } from './peer.ts'

/** A call that nobody has joined by then is given up. */
export const connectTimeoutMs = 30_000

export interface CallOptions {
  callId: string
  vendor: Vendor
  dialect: Dialects
  config: SessionConfig
  /** SDP. */
  offer: string
  /** Whether the browser's channel gets only the events of `webrtcfilter=on`. */
  filtered: boolean
}

/**
 * Takes a call.
 *
 * @returns the SDP answer; null when the offer cannot be answered
 */
export async function takeCall(simulator: SimulatorState, options: CallOptions): Promise<string | null> {
  const call = new Call(simulator, options)
  return call.answer()
}

class Call {
  readonly #simulator: SimulatorState
  readonly #options: CallOptions
  readonly #session: Session
  readonly #loudspeaker: Loudspeaker
  readonly #peer: Peer
  readonly #impatience: NodeJS.Timeout
  #codec: Codec | null = null
  #stopAudio: Cancel = () => {}

  constructor(simulator: SimulatorState, options: CallOptions) {
    this.#simulator = simulator
    this.#options = options
    const session = simulator.open(options.vendor, options.config, {
      inCall: true,
      ended: () => this.#hangUp(),
    })
    this.#session = session
    this.#loudspeaker = new Loudspeaker({
      tell: event => session.tell(event),
      cut: (itemId, playedMs) => session.truncatePlayed(itemId, playedMs),
    })
    session.playThrough(this.#loudspeaker)
    this.#peer = new Peer({
      connected: () => this.#connected(),
      channel: channel => this.#joined(channel),
      audio: payload => this.#heard(payload),
      gone: () => session.end(1000, 'The call has ended.'),
    })
    this.#impatience = setTimeout(() => session.end(1000, 'Nobody joined the call.'), connectTimeoutMs)
    this.#impatience.unref()
  }

  async answer(): Promise<string | null> {
    const answer = await this.#peer.answer(this.#options.offer)
    if (answer === null) {
      this.#session.end(1000, '')
      return null
    }
    const { codec } = this.#peer
    if (codec !== null) this.#codec = createCodec(codec)
    this.#simulator.calls.set(this.#options.callId, this.#session)
    return answer
  }

  #connected(): void {
    clearTimeout(this.#impatience)
    if (this.#codec !== null)
      this.#stopAudio = streamAudio(this.#simulator.clock, this.#peer, this.#codec, this.#loudspeaker)
    // Without a channel nobody else says when to begin.
    if (!/^m=application /m.test(this.#options.offer)) this.#session.start()
  }

  #joined(channel: RTCDataChannel): void {
    this.#session.attach(createChannelWire(channel, this.#dialect(), this.#session))
    if (channel.readyState === 'open') this.#session.start()
    else channel.stateChanged.once(state => (state === 'open' ? this.#session.start() : undefined))
  }

  #heard(payload: Buffer): void {
    const samples = this.#codec?.decode(payload)
    if (samples === undefined || samples.length === 0) return
    this.#session.hear(encodeAudio(samples, this.#session.config.audio.input.format))
  }

  #hangUp(): void {
    this.#simulator.calls.delete(this.#options.callId)
    clearTimeout(this.#impatience)
    this.#stopAudio()
    this.#peer.close()
    this.#codec?.release()
    this.#codec = null
  }

  #dialect(): Dialect {
    const plain =
      this.#options.dialect === 'ga' ? gaDialect : createPreviewDialect(() => this.#session.config)
    return this.#options.filtered ? filteredDialect(plain) : plain
  }
}
