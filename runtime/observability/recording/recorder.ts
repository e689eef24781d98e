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
  const files = new Set<RecordingFile>()
  let failed = false
  const fail = (reason: string) => {
    if (!failed) log.warn('recording.failed', { folder, reason })
    failed = true
  }
  const open = (connection: string): Recording | null => {
    if (failed) return null
    const begin = new Date().toISOString().replaceAll(':', '-')
    const file = new RecordingFile(join(folder, `${begin}_${connection}.jsonl`), limits, fail)
    files.add(file)
    return new Recording(file, words, fail)
  }
  const end = (file: RecordingFile, code: number | null) => file.end(code).finally(() => files.delete(file))
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
          if (recording !== null) void end(recording.file, code)
          listener.closed(code, reason, error)
        },
        failed: error => listener.failed(error),
        fault: fault => listener.fault(fault),
      }
    },
    close: async () => {
      const tooLong = new Promise(resolve => setTimeout(resolve, shutdownSteps.recordingsMs).unref())
      await Promise.race([tooLong, Promise.all([...files].map(file => end(file, null)))])
    },
  }
}

/** One upstream session on its way into a file. */
class Recording {
  readonly file: RecordingFile
  readonly #words: boolean
  readonly #fail: (reason: string) => void
  /** What was said before upstream's first event was passed on, though upstream spoke first. */
  #early: object[] | null = []

  constructor(file: RecordingFile, words: boolean, fail: (reason: string) => void) {
    this.file = file
    this.#words = words
    this.#fail = fail
  }

  /** Records one frame. Never throws: whatever is wrong with a recording is no fault of the session's. */
  note(from: Side, data: string | Uint8Array, isBinary: boolean): void {
    if (!this.file.isOpen) return
    try {
      const event = redact(data, isBinary, this.#words)
      if (from === 'client' && this.#early !== null) this.#early.push(event)
      else this.file.write(from, event)
    } catch (fault) {
      this.#fail(String(fault))
    }
    if (from === 'upstream') this.#catchUp()
  }

  #catchUp(): void {
    for (const event of this.#early ?? []) this.file.write('client', event)
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
