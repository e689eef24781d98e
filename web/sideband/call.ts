/** The browser's end of a call: a peer connection with sound both ways and the data channel `oai-events`. */
import { say } from '../language/language.ts'
import { closeStream, openMicrophone } from '../sound/microphone.ts'

/** What a call tells. */
export interface CallListeners {
  /** One event by the data channel: JSON text. */
  onEvent(text: string): void
  /** The model's sound. */
  onSound(stream: MediaStream): void
  /** The microphone; undefined while it is off. */
  onMicrophone(stream: MediaStream | undefined): void
  /** The call is over, from whichever side. Told once. */
  onEnd(reason: string): void
}

const channelName = 'oai-events'
const connectTimeoutMs = 20_000
/** A peer that is only disconnected may come back. */
const graceMs = 5000

/** One call. Make another one for another call. */
export class Call {
  readonly #listeners: CallListeners
  readonly #peer = new RTCPeerConnection()
  readonly #channel = this.#peer.createDataChannel(channelName)
  readonly #sender = this.#peer.addTransceiver('audio', { direction: 'sendrecv' }).sender
  /** `asked`: the person or the browser has not given it yet. */
  #microphone: MediaStream | 'asked' | undefined
  #grace = 0
  #isOver = false

  constructor(listeners: CallListeners) {
    this.#listeners = listeners
    this.#peer.ontrack = ({ streams, track }) => listeners.onSound(streams[0] ?? new MediaStream([track]))
    this.#peer.onconnectionstatechange = () => this.#peerOnState(this.#peer.connectionState)
    this.#channel.onmessage = ({ data }) => {
      if (typeof data === 'string') listeners.onEvent(data)
    }
    this.#channel.onclose = () => this.#end(say('the other side hung up'))
  }

  /**
   * Connects.
   * @param exchange gives the answer to an offer
   * @throws Error where the offer is refused or nothing connects in time; the call is over then
   */
  async connect(exchange: (sdp: string) => Promise<string>): Promise<void> {
    try {
      await this.#peer.setLocalDescription()
      const answer = await exchange(this.#peer.localDescription?.sdp ?? '')
      await this.#peer.setRemoteDescription({ type: 'answer', sdp: answer })
      await this.#opened()
    } catch (cause) {
      this.close()
      throw cause
    }
  }

  /** Sends an event by the data channel; false where it is not open. */
  send(event: object): boolean {
    if (this.#channel.readyState !== 'open') return false
    this.#channel.send(JSON.stringify(event))
    return true
  }

  /**
   * Opens or closes the microphone; one that is being opened is not asked for again.
   * @throws NoMicrophone with what to do about it
   */
  async setMicrophone(on: boolean): Promise<void> {
    if (on === (this.#microphone !== undefined)) return
    if (!on) return this.#dropMicrophone()
    this.#microphone = 'asked'
    const stream = await openMicrophone().catch(cause => {
      this.#microphone = undefined
      throw cause
    })
    if (this.#isOver) return closeStream(stream)
    const [track] = stream.getAudioTracks()
    if (track) track.onended = () => this.#dropMicrophone()
    this.#microphone = stream
    await this.#sender.replaceTrack(track ?? null)
    if (this.#microphone === stream) this.#listeners.onMicrophone(stream)
  }

  /** Ends the call from here. Safe to call twice. */
  close(): void {
    this.#end(say('you hung up'))
  }

  #dropMicrophone(): void {
    if (!(this.#microphone instanceof MediaStream)) return
    closeStream(this.#microphone)
    this.#microphone = undefined
    this.#sender.replaceTrack(null).catch(() => {})
    this.#listeners.onMicrophone(undefined)
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#channel.readyState === 'open') return resolve()
      const tooLong = () =>
        reject(new Error(say('WebRTC did not connect in time: a firewall may hold it back.')))
      const timer = setTimeout(tooLong, connectTimeoutMs)
      this.#channel.onopen = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #peerOnState(state: RTCPeerConnectionState): void {
    clearTimeout(this.#grace)
    if (state === 'failed') this.#end(say('the WebRTC connection failed'))
    if (state === 'closed') this.#end(say('the WebRTC connection closed'))
    if (state === 'disconnected')
      this.#grace = window.setTimeout(() => this.#end(say('the WebRTC connection was lost')), graceMs)
  }

  #end(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#grace)
    this.#dropMicrophone()
    this.#channel.close()
    this.#peer.close()
    this.#listeners.onEnd(reason)
  }
}
