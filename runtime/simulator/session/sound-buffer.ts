/** A stretch of sound on the time axis of all that was heard in a session. */

/** Appends at the end, drops at the begin, cuts out of the middle; times in ms since the session's first sound. */
export class SoundBuffer {
  readonly #bytesPerMs: number
  #parts: Buffer[] = []
  #fromMs: number
  #bytes = 0

  /** @param fromMs where on the axis the buffer begins */
  constructor(bytesPerMs: number, fromMs: number) {
    this.#bytesPerMs = bytesPerMs
    this.#fromMs = fromMs
  }

  get fromMs(): number {
    return this.#fromMs
  }

  get toMs(): number {
    return this.#fromMs + this.lengthMs
  }

  get lengthMs(): number {
    return this.#bytes / this.#bytesPerMs
  }

  append(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#parts.push(bytes)
    this.#bytes += bytes.length
  }

  /** Forgets what lies before. */
  dropBefore(ms: number): void {
    const bytes = Math.min(this.#bytes, this.#place(ms))
    this.#parts = [this.#flat().subarray(bytes)]
    this.#bytes -= bytes
    this.#fromMs += bytes / this.#bytesPerMs
  }

  /** A copy of a stretch. */
  cut(fromMs: number, toMs: number): Buffer {
    return Buffer.from(this.#flat().subarray(this.#place(fromMs), this.#place(toMs)))
  }

  /** Everything, as it is held. */
  bytes(): Buffer {
    return this.#flat()
  }

  #place(ms: number): number {
    return Math.max(0, Math.round(ms - this.#fromMs)) * this.#bytesPerMs
  }

  #flat(): Buffer {
    const [only] = this.#parts
    if (this.#parts.length === 1 && only !== undefined) return only
    const whole = Buffer.concat(this.#parts)
    this.#parts = [whole]
    return whole
  }
}
