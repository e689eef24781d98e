/** The server's own playout of a call: speech is made fast, and played at the pace of hearing. */
import { pcmRate } from '../../core/contract.ts'
import type { ServerEvent } from '../protocol/types.ts'
import type { Playout } from '../session/context.ts'
import type { Chunk } from '../voice/speaker.ts'
import { frameSamples } from './codec.ts'

export interface LoudspeakerListener {
  tell(event: ServerEvent): void
  /** An item was cut off after this much of it had been played. */
  cut(itemId: string, playedMs: number): void
}

interface Piece {
  samples: Int16Array
  responseId: string
  itemId: string
}

/** Plays what it is given in order. What it holds is bounded by the speaker's asking `backlogMs`. */
export class Loudspeaker implements Playout {
  readonly #listener: LoudspeakerListener
  readonly #quiet = new Int16Array(frameSamples)
  /** Responses of which no more speech will come, and which are still to be played. */
  readonly #finished = new Set<string>()
  #queue: Piece[] = []
  /** Samples of the first piece that have been played. */
  #at = 0
  #queuedSamples = 0
  #playing: string | null = null
  #played = { itemId: '', samples: 0 }

  constructor(listener: LoudspeakerListener) {
    this.#listener = listener
  }

  play({ samples }: Chunk, responseId: string, itemId: string): void {
    this.#queue.push({ samples, responseId, itemId })
    this.#queuedSamples += samples.length
  }

  finish(responseId: string): void {
    const waits = this.#queue.some(piece => piece.responseId === responseId)
    if (waits || this.#playing === responseId) this.#finished.add(responseId)
  }

  backlogMs(): number {
    return msOf(this.#queuedSamples)
  }

  clear(): void {
    const next = this.#queue[0]
    const responseId = this.#playing ?? next?.responseId
    if (responseId === undefined) return
    const cut = this.#playing === null ? { itemId: next?.itemId ?? '', samples: 0 } : this.#played
    this.#queue = []
    this.#at = 0
    this.#queuedSamples = 0
    this.#playing = null
    this.#finished.clear()
    this.#listener.tell({ type: 'output_audio_buffer.cleared', response_id: responseId })
    this.#listener.cut(cut.itemId, msOf(cut.samples))
  }

  /** The next 20 ms: speech, or silence when there is none. */
  nextFrame(): Int16Array {
    this.#settle()
    if (this.#queue.length === 0) return this.#quiet
    const frame = new Int16Array(frameSamples)
    for (let filled = 0; filled < frame.length; ) {
      const piece = this.#queue[0]
      if (piece === undefined) break
      filled += this.#take(piece, frame, filled)
    }
    return frame
  }

  #take(piece: Piece, frame: Int16Array, filled: number): number {
    this.#announce(piece)
    if (this.#played.itemId !== piece.itemId) this.#played = { itemId: piece.itemId, samples: 0 }
    const part = piece.samples.subarray(this.#at, this.#at + frame.length - filled)
    frame.set(part, filled)
    this.#at += part.length
    this.#played.samples += part.length
    this.#queuedSamples -= part.length
    if (this.#at >= piece.samples.length) {
      this.#queue.shift()
      this.#at = 0
    }
    return part.length
  }

  #announce({ responseId }: Piece): void {
    if (this.#playing === responseId) return
    if (this.#playing !== null) this.#stop(this.#playing)
    this.#playing = responseId
    this.#listener.tell({ type: 'output_audio_buffer.started', response_id: responseId })
  }

  #settle(): void {
    if (this.#playing === null || this.#queue.length > 0 || !this.#finished.has(this.#playing)) return
    this.#stop(this.#playing)
    this.#playing = null
  }

  #stop(responseId: string): void {
    this.#finished.delete(responseId)
    this.#listener.tell({ type: 'output_audio_buffer.stopped', response_id: responseId })
  }
}

function msOf(samples: number): number {
  return (samples / pcmRate) * 1000
}
