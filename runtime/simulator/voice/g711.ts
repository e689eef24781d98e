/** G.711 (ITU-T): companded 8 kHz telephony, `audio/pcmu` and `audio/pcma`. */

export const g711Rate = 8000
const muBias = 0x84
const muClip = 32_635

/** Encodes one 16-bit sample as mu-law. */
export function muLawOf(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(Math.abs(sample), muClip) + muBias
  const exponent = Math.max(0, 24 - Math.clz32(magnitude))
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~(sign | (exponent << 4) | mantissa) & 0xff
}

/** Decodes one mu-law byte to a 16-bit sample. */
export function sampleOfMuLaw(byte: number): number {
  const bits = ~byte & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + muBias) << ((bits >> 4) & 7)) - muBias
  return bits & 0x80 ? -magnitude : magnitude
}

/** Encodes one 16-bit sample as A-law. */
export function aLawOf(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80
  const magnitude = Math.min(sample < 0 ? ~sample : sample, 32_767) >> 3
  const exponent = Math.max(0, 27 - Math.clz32(magnitude))
  const mantissa = exponent < 1 ? (magnitude >> 1) & 0x0f : (magnitude >> exponent) & 0x0f
  return (sign | (exponent << 4) | mantissa) ^ 0x55
}

/** Decodes one A-law byte to a 16-bit sample. */
export function sampleOfALaw(byte: number): number {
  const bits = byte ^ 0x55
  const exponent = (bits >> 4) & 7
  const base = ((bits & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? base : (base + 0x100) << (exponent - 1)
  return bits & 0x80 ? magnitude : -magnitude
}
