/** Changes the rate of a stream of samples: a windowed sinc, so that what the new rate cannot hold does not alias. */

/** Zero crossings of the sinc on each side: steepness against work. */
const crossings = 12
/** Values of the kernel between two input samples. */
const phases = 256
/** Part of the new band that is kept; the rest is the filter's slope. */
const passband = 0.92

/** Takes samples of one rate and gives those of another; what is not yet complete waits for the next call. */
export type Resample = (samples: Float32Array) => Float32Array

/**
 * Makes a resampler for one stream.
 * @param from samples per second of the input
 * @param to samples per second of the output
 */
export function createResampler(from: number, to: number): Resample {
  if (from === to) return samples => samples.slice()
  const cutoff = Math.min(1, to / from) * passband
  const reach = Math.ceil(crossings / cutoff)
  const kernel = createKernel(cutoff, reach)
  const step = from / to
  // Silence before the first sample, so that it too has neighbours on both sides.
  let held = new Float32Array(reach)
  let position = reach
  return samples => {
    const input = new Float32Array(held.length + samples.length)
    input.set(held)
    input.set(samples, held.length)
    const count = Math.max(0, Math.ceil((input.length - reach - position) / step))
    const out = new Float32Array(count)
    for (let i = 0; i < count; i++) out[i] = interpolate(input, position + i * step, kernel, reach)
    const next = position + count * step
    const keepFrom = Math.min(input.length, Math.floor(next) - reach)
    held = input.slice(keepFrom)
    position = next - keepFrom
    return out
  }
}

function createKernel(cutoff: number, reach: number): Float32Array {
  return Float32Array.from({ length: reach * phases + 1 }, (_, index) => {
    const distance = index / phases
    const angle = Math.PI * distance * cutoff
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle
    const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach)
    return cutoff * sinc * window
  })
}

function interpolate(input: Float32Array, at: number, kernel: Float32Array, reach: number): number {
  const first = Math.ceil(at - reach)
  const last = Math.floor(at + reach)
  let sum = 0
  for (let index = first; index <= last; index++)
    sum += (input[index] ?? 0) * (kernel[Math.round(Math.abs(at - index) * phases)] ?? 0)
  return sum
}
