/** The server's end of a WebRTC connection: ICE on this machine's addresses, one audio line, one data channel. */
import {
  MediaStreamTrack,
  type RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
} from 'werift'

const maxMessageBytes = 1_073_741_823
const loopback = '127.0.0.1'
/** A browser asks for signs of life every 2.5 s; one that has sent nothing for this long has left without a word. */
const silentAfterMs = 8000
const silenceCheckMs = 1000

/**
 * Of an offer (characters, lines that begin with `m=`): browsers' have about 6,000 and two. The library compares lines with
 * each other, so that a large one blocks the process.
 */
const maxOfferLength = 32_768
const maxMediaLines = 8

const opusParameters = 'minptime=10;useinbandfec=1'
const opus = new RTCRtpCodecParameters({
  mimeType: 'audio/opus',
  clockRate: 48_000,
  channels: 2,
  payloadType: 111,
  parameters: opusParameters,
})
const pcmu = new RTCRtpCodecParameters({
  mimeType: 'audio/PCMU',
  clockRate: 8000,
  channels: 1,
  payloadType: 0,
})
const pcma = new RTCRtpCodecParameters({
  mimeType: 'audio/PCMA',
  clockRate: 8000,
  channels: 1,
  payloadType: 8,
})

export interface PeerListener {
  connected(): void
  channel(channel: RTCDataChannel): void
  /** One RTP payload. */
  audio(payload: Buffer): void
  /** The other side has hung up, or is out of reach. Called once; not after `close`. */
  gone(): void
}

export class Peer {
  readonly #listener: PeerListener
  readonly #connection: RTCPeerConnection
  readonly #track = new MediaStreamTrack({ kind: 'audio', streamId: 'realtimeapi' })
  readonly #watch: NodeJS.Timeout
  #lastSignMs = performance.now()
  #over = false
  #sequenceNumber = 0
  #timestamp = 0

  constructor(listener: PeerListener) {
    this.#listener = listener
    this.#connection = new RTCPeerConnection({
      codecs: { audio: [opus, pcmu, pcma], video: [] },
      iceServers: [],
      iceUseIpv6: false,
      iceAdditionalHostAddresses: [loopback],
      maxMessageSize: maxMessageBytes,
      bundlePolicy: 'max-bundle',
      iceFilterStunResponse: () => {
        this.#lastSignMs = performance.now()
        return true
      },
    })
    this.#watch = setInterval(() => this.#checkSigns(), silenceCheckMs)
    this.#watch.unref()
    this.#connection.connectionStateChange.subscribe(state => this.#onState(state))
    this.#connection.onDataChannel.subscribe(channel => listener.channel(channel))
    this.#connection.onTrack.subscribe(track =>
      track.onReceiveRtp.subscribe(packet => listener.audio(packet.payload)),
    )
  }

  /** The audio codec agreed on (`audio/opus`); null when the offer has no audio. */
  get codec(): string | null {
    const [audio] = this.#connection.getTransceivers()
    return audio === undefined ? null : (audio.codecs[0]?.mimeType ?? opus.mimeType)
  }

  /**
   * Answers an offer.
   *
   * @returns the answer with all candidates; null when the offer is not SDP that can be answered, or is too large
   */
  async answer(offer: string): Promise<string | null> {
    if (!offer.startsWith('v=0') || !/^m=(audio|application) /m.test(offer)) return null
    if (offer.length > maxOfferLength || offer.split(/^m=/m).length > maxMediaLines + 1) return null
    try {
      if (/^m=audio /m.test(offer)) this.#connection.addTransceiver(this.#track, { direction: 'sendrecv' })
      await this.#connection.setRemoteDescription({ type: 'offer', sdp: offer })
      await this.#connection.setLocalDescription(await this.#connection.createAnswer())
      return withOpusParameters(this.#connection.localDescription?.sdp ?? null)
    } catch {
      return null
    }
  }

  /** Sends one frame; `ticks` is its length on the codec's clock. The sender puts in the payload type. */
  sendAudio(payload: Buffer, ticks: number): void {
    const header = new RtpHeader({
      sequenceNumber: this.#sequenceNumber,
      timestamp: this.#timestamp,
      marker: this.#sequenceNumber === 0,
    })
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff
    this.#timestamp = (this.#timestamp + ticks) >>> 0
    this.#track.writeRtp(new RtpPacket(header, payload))
  }

  /** Ends the connection with DTLS's close; safe to call twice. */
  close(): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#watch)
    void this.#connection.close()
  }

  #onState(state: string): void {
    if (state === 'connected') this.#listener.connected()
    if (state === 'failed' || state === 'closed' || state === 'disconnected') this.#leave()
  }

  #checkSigns(): void {
    const silentMs = performance.now() - this.#lastSignMs
    if (this.#connection.connectionState === 'connected' && silentMs > silentAfterMs) this.#leave()
  }

  #leave(): void {
    if (this.#over) return
    this.close()
    this.#listener.gone()
  }
}

/** The library repeats the offer's parameters alone. Both vendors say theirs to an offer without any. */
function withOpusParameters(sdp: string | null): string | null {
  const line = sdp?.match(/a=rtpmap:(\d+) opus\/[^\r\n]*\r\n/i)
  if (sdp === null || !line || sdp.includes(`a=fmtp:${line[1]} `)) return sdp
  return sdp.replace(line[0], `${line[0]}a=fmtp:${line[1]} ${opusParameters}\r\n`)
}
