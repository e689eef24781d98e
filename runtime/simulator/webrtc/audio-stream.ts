/** The track from the server to the browser, which carries a frame every 20 ms, silence included. */
import type { Cancel, Clock } from '../clock.ts'
import { type Codec, frameMs } from './codec.ts'
import type { Peer } from './peer.ts'

export interface FrameSource {
  /** The next 20 ms: 480 samples at 24 kHz. */
  nextFrame(): Int16Array
}

/** Sends frames at the pace of the clock. @returns stops it */
export function streamAudio(clock: Clock, peer: Peer, codec: Codec, source: FrameSource): Cancel {
  let dueMs = clock.now()
  let cancel: Cancel = () => {}
  const send = () => {
    for (; dueMs <= clock.now(); dueMs += frameMs) {
      peer.sendAudio(codec.encode(source.nextFrame()), codec.frameTicks)
    }
    cancel = clock.at(dueMs, send)
  }
  send()
  return () => cancel()
}
