/** PCM samples to and from the three wire formats of the Realtime API. */

import { asBuffer } from '../../core/bytes.ts'
import { pcmRate } from '../../core/contract.ts'
import type { AudioFormat } from '../protocol/types.ts'
import { aLawOf, g711Rate, muLawOf, sampleOfALaw, sampleOfMuLaw } from './g711.ts'

const decimation = pcmRate / g711Rate

/** Bytes of one millisecond of audio on the wire: 48 for PCM, 8 for G.711. */
export function bytesPerMs(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? (pcmRate * 2) / 1000 : g711Rate / 1000
}

/** Bytes of one sample on the wire. */
export function sampleBytes(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? 2 : 1
}

/** Encodes 24 kHz samples in a wire format. */
export function encodeAudio(samples: Int16Array, format: AudioFormat): Buffer {
  if (format.type === 'audio/pcm') return asBuffer(samples)
  const encode = format.type === 'audio/pcmu' ? muLawOf : aLawOf
  const bytes = Buffer.alloc(Math.floor(samples.length / decimation))
  for (let index = 0; index < bytes.length; index++) {
    const from = index * decimation
    const sum = (samples[from] ?? 0) + (samples[from + 1] ?? 0) + (samples[from + 2] ?? 0)
    bytes[index] = encode(Math.round(sum / decimation))
  }
  return bytes
}

/** Decodes wire audio to samples at the format's own rate (24 kHz, or 8 kHz for G.711). */
export function decodeAudio(bytes: Buffer, format: AudioFormat): Int16Array {
  if (format.type === 'audio/pcm') {
    const samples = new Int16Array(bytes.length >> 1)
    for (let index = 0; index < samples.length; index++) samples[index] = bytes.readInt16LE(index * 2)
    return samples
  }
  return Int16Array.from(bytes, format.type === 'audio/pcmu' ? sampleOfMuLaw : sampleOfALaw)
}

/** The byte of silence in a format. */
export function silenceByte(format: AudioFormat): number {
  return { 'audio/pcm': 0, 'audio/pcmu': 0xff, 'audio/pcma': 0xd5 }[format.type]
}
