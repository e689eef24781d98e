/**
 * Records sessions as redacted JSON lines, which the simulator can replay: a file for each upstream
 * session, with its begin and the connection's id in the name. It stands between a session and its dial, so that
 * nothing is paid for it where it is off.
 */
import { join } from 'node:path'
import type { Upstream, UpstreamListener } from '../../core/ports.ts'
import { shutdownSteps } from '../../core/shutdown.ts'
import type { Log } from '../log.ts'
import { RecordingFile, type RecordingLimits, recordingLimits } from './file.ts'
import { redact } from './redact.ts'

export interface RecorderOptions {
  /** Must exist; a fault of the disk ends all recording, with one warning. */
  readonly folder: string
  /** Whether texts and transcripts are recorded. Audio and instructions never are. */
  readonly words: boolean
  readonly log: Log
  readonly limits?: RecordingLimits
}

/** Puts a recording between a session and what it hears from upstream. @param connection its id */
export type Record = (listener: UpstreamListener, connection: string) => UpstreamListener

export interface Recorder {
  readonly record: Record
  /** Ends all recordings. @returns when they are on the disk, or that has taken too long */
  close(): Promise<void>
}

type Side = 'client' | 'upstream'

/** Makes a recorder. */
export function createRecorder({ folder, words, log, limits = recordingLimits }: RecorderOptions): Recorder {
  const recordings = new Set<Recording>()
  let failed = false
  const fail = (reason: string) => {
    if (!failed) log.warn('recording.failed', { folder, reason })
    failed = true
  }
  const open = (connection: string): Recording | null => {
    if (failed) return null
    const begin = new Date().toISOString().replaceAll(':', '-')
    const file = new RecordingFile(join(folder, `${begin}_${connection}.jsonl`), limits, fail)
    const recording = new Recording(file, { words, maxEarlyBytes: limits.maxWaitingBytes / 4, fail })
    recordings.add(recording)
    return recording
  }
  const end = (recording: Recording, code: number | null) =>
    recording.end(code).finally(() => recordings.delete(recording))
  return {
    record: (listener, connection) => {
      let recording: Recording | null = null
      return {
        opened: upstream => {
          recording = open(connection)
          listener.opened(recording === null ? upstream : overheard(upstream, recording))
        },
        event: (frame, isBinary, type) => {
          recording?.note('upstream', frame, isBinary)
          listener.event(frame, isBinary, type)
        },
        closed: (code, reason, error) => {
          if (recording !== null) void end(recording, code)
          listener.closed(code, reason, error)
        },
        failed: error => listener.failed(error),
        fault: fault => listener.fault(fault),
      }
    },
    close: async () => {
      const tooLong = new Promise(resolve => setTimeout(resolve, shutdownSteps.recordingsMs).unref())
      await Promise.race([tooLong, Promise.all([...recordings].map(recording => end(recording, null)))])
    },
  }
}

interface RecordingOptions {
  readonly words: boolean
  /** Of what is held until upstream's first event (bytes). */
  readonly maxEarlyBytes: number
  readonly fail: (reason: string) => void
}

/** One upstream session on its way into a file. */
class Recording {
  readonly #file: RecordingFile
  readonly #options: RecordingOptions
  /** What was said before upstream's first event was passed on, though upstream spoke first. */
  #early: object[] | null = []
  #earlyBytes = 0

  constructor(file: RecordingFile, options: RecordingOptions) {
    this.#file = file
    this.#options = options
  }

  /** Records one frame. Never throws: whatever is wrong with a recording is no fault of the session's. */
  note(from: Side, data: string | Uint8Array, isBinary: boolean): void {
    if (!this.#file.isOpen) return
    try {
      const event = redact(data, isBinary, this.#options.words)
      if (from === 'client' && this.#early !== null) this.#hold(this.#early, event)
      else this.#file.write(from, event)
    } catch (fault) {
      this.#options.fail(String(fault))
    }
    if (from === 'upstream') this.#catchUp()
  }

  /** Ends the file, as `RecordingFile.end` does; upstream may never have said anything. */
  end(code: number | null): Promise<void> {
    this.#catchUp()
    return this.#file.end(code)
  }

  #hold(early: object[], event: object): void {
    early.push(event)
    this.#earlyBytes += Buffer.byteLength(JSON.stringify(event))
    if (this.#earlyBytes > this.#options.maxEarlyBytes) this.#catchUp()
  }

  #catchUp(): void {
    for (const event of this.#early ?? []) this.#file.write('client', event)
    this.#early = null
  }
}

function overheard(upstream: Upstream, recording: Recording): Upstream {
  return {
    deployment: upstream.deployment,
    send: (data, isBinary = false, type) => {
      recording.note('client', data, isBinary)
      upstream.send(data, isBinary, type)
    },
    buffered: () => upstream.buffered(),
    pause: () => upstream.pause(),
    resume: () => upstream.resume(),
    close: (code, reason) => upstream.close(code, reason),
    giveUp: error => upstream.giveUp(error),
  }
}
