/** The audio of a call: Opus, or G.711 where the other side has nothing better. Samples are 24 kHz mono. */

import OpusScript from 'opusscript'
import { asBuffer } from '../../core/bytes.ts'
import { pcmRate } from '../../core/contract.ts'
import { decodeAudio, encodeAudio } from '../voice/formats.ts'

export const frameMs = 20
export const frameSamples = (pcmRate * frameMs) / 1000

export interface Codec {
  /** RTP clock ticks of one frame. */
  readonly frameTicks: number
  /** Encodes one frame of 480 samples. */
  encode(samples: Int16Array): Buffer
  /** Decodes the payload of one packet; empty when it cannot be read. */
  decode(payload: Buffer): Int16Array
  /** Gives its memory back. */
  release(): void
}

/** @param mimeType `audio/opus`, `audio/PCMU` or `audio/PCMA` */
export function createCodec(mimeType: string): Codec {
  return mimeType.toLowerCase() === 'audio/opus' ? opus() : g711(mimeType)
}

function opus(): Codec {
  const encoder = new OpusScript(pcmRate, 1, OpusScript.Application.VOIP)
  const decoder = new OpusScript(pcmRate, 1, OpusScript.Application.VOIP)
  return {
    frameTicks: (48_000 * frameMs) / 1000,
    encode: samples => encoder.encode(bytesOf(samples), frameSamples),
    decode: payload => {
      try {
        return samplesOf(decoder.decode(payload))
      } catch {
        return new Int16Array(0)
      }
    },
    release: () => {
      encoder.delete()
      decoder.delete()
    },
  }
}

function g711(mimeType: string): Codec {
  const format = { type: mimeType.toLowerCase() === 'audio/pcma' ? 'audio/pcma' : 'audio/pcmu' } as const
  return {
    frameTicks: (8000 * frameMs) / 1000,
    encode: samples => encodeAudio(samples, format),
    decode: payload => {
      const narrow = decodeAudio(payload, format)
      return Int16Array.from({ length: narrow.length * 3 }, (_, index) => narrow[Math.floor(index / 3)] ?? 0)
    },
    release: () => {},
  }
}

function bytesOf(samples: Int16Array): Buffer {
  return asBuffer(samples)
}

function samplesOf(bytes: Buffer): Int16Array {
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
