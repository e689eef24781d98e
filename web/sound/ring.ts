/** A queue of PCM16 samples with a fixed capacity. It allocates once: the audio thread must not wait for memory. */
export interface SampleRing {
  /** Samples waiting to be read. */
  length(): number
  /** Appends `samples` and returns how many fitted; the rest is not taken. */
  write(samples: Int16Array): number
  /** Moves up to `out.length` samples to the start of `out`, as floats in [-1, 1), and returns how many. */
  read(out: Float32Array): number
  clear(): void
}

const int16Scale = 32_768

/**
 * Makes an empty ring.
 * @param capacity samples that it can hold, a whole number above 0
 */
export function createSampleRing(capacity: number): SampleRing {
  const store = new Int16Array(capacity)
  let start = 0
  let length = 0

  return {
    length: () => length,
    write: samples => {
      const taken = Math.min(samples.length, capacity - length)
      const end = (start + length) % capacity
      const untilEdge = Math.min(taken, capacity - end)
      store.set(samples.subarray(0, untilEdge), end)
      store.set(samples.subarray(untilEdge, taken), 0)
      length += taken
      return taken
    },
    read: out => {
      const taken = Math.min(out.length, length)
      for (let i = 0; i < taken; i++) out[i] = (store[(start + i) % capacity] ?? 0) / int16Scale
      start = (start + taken) % capacity
      length -= taken
      return taken
    },
    clear: () => {
      length = 0
    },
  }
}
