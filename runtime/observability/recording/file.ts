/** A file of JSON lines that is written behind the caller's back, and never holds it up. */
import { createWriteStream, type WriteStream } from 'node:fs'

export interface RecordingLimits {
  /** Of the file (bytes); the line that says so comes on top. */
  readonly maxFileBytes: number
  /** Of what the disk has not taken yet (bytes). */
  readonly maxWaitingBytes: number
}

export const recordingLimits: RecordingLimits = {
  maxFileBytes: 64 * 1024 * 1024,
  maxWaitingBytes: 1024 * 1024,
}

export class RecordingFile {
  readonly #stream: WriteStream
  readonly #limits: RecordingLimits
  readonly #startedAt = performance.now()
  readonly #over: Promise<void>
  #bytes = 0
  #state: 'open' | 'over' = 'open'

  /** @param failed called once if the file cannot be written, with the system's error code */
  constructor(path: string, limits: RecordingLimits, failed: (code: string) => void) {
    this.#limits = limits
    // Nobody but the process's own user has business with a recording.
    this.#stream = createWriteStream(path, { flags: 'wx', mode: 0o600 })
    this.#over = new Promise(resolve => {
      this.#stream.once('close', resolve)
    })
    this.#stream.once('error', (fault: NodeJS.ErrnoException) => {
      this.#state = 'over'
      failed(fault.code ?? fault.name)
    })
  }

  /** Whether more lines are taken. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Adds a line. At a limit the file ends, and its last line says at which. */
  write(from: 'client' | 'upstream', event: object): void {
    if (this.#state === 'over') return
    const line = this.#line(from, event)
    this.#bytes += Buffer.byteLength(line)
    if (this.#bytes > this.#limits.maxFileBytes) this.#stop({ reason: 'file_limit' })
    else if (this.#stream.writableLength > this.#limits.maxWaitingBytes)
      this.#stop({ reason: 'disk_too_slow' })
    else this.#stream.write(line)
  }

  /** Ends the file. Safe to call twice. @param code upstream's close code. @returns when it is on its disk */
  end(code: number | null): Promise<void> {
    if (this.#state === 'open') this.#stop({ reason: 'session_over', code })
    return this.#over
  }

  #stop(why: object): void {
    this.#state = 'over'
    this.#stream.end(this.#line('recorder', { type: 'recording.stopped', ...why }))
  }

  #line(from: string, event: object): string {
    return `${JSON.stringify({ at_ms: Math.round(performance.now() - this.#startedAt), from, event })}\n`
  }
}
