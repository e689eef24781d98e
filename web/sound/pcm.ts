/** PCM16 mono, little endian, and the base64 in which it travels. */

/** PCM16 mono as the Realtime API takes and sends it (samples per second). */
export const pcmRate = 24_000

export const bytesPerSample = 2

const encodeStep = 0x8000

/** Decodes one chunk: base64 of PCM16, little endian. An odd last byte is no sample and is left out. */
export function decodePcm16(base64: string): Int16Array<ArrayBuffer> {
  const binary = atob(base64)
  const bytes = new Uint8Array(binary.length & ~1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return new Int16Array(bytes.buffer)
}

/** Encodes samples for `input_audio_buffer.append`. */
export function encodePcm16(samples: Int16Array): string {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
  let binary = ''
  for (let start = 0; start < bytes.length; start += encodeStep)
    binary += String.fromCharCode(...bytes.subarray(start, start + encodeStep))
  return btoa(binary)
}

/** Turns samples in [-1, 1] into PCM16; louder ones are cut at the edge. */
export function toPcm16(samples: ArrayLike<number>): Int16Array<ArrayBuffer> {
  const out = new Int16Array(samples.length)
  for (let i = 0; i < out.length; i++)
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round((samples[i] ?? 0) * 32_768)))
  return out
}

/** Bytes of PCM16 that last so long (ms): whole samples. */
export function pcmBytes(ms: number): number {
  return bytesPerSample * Math.floor((ms * pcmRate) / 1000)
}

/** Length of `samples` at the PCM rate (ms). */
export function samplesToMs(samples: number): number {
  return (samples * 1000) / pcmRate
}
