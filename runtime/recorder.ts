/**
 * Records sessions as redacted JSON lines, which the simulator can replay: a file for each upstream
 * session, with its begin and the connection's id in the name. It stands between a session and its dial, so that
 * nothing is paid for it where it is off.
 */
import { join } from 'node:path'
import type { Log } from './log.ts'
import { RecordingFile, type RecordingLimits, recordingLimits } from './recording-file.ts'
import { redact } from './redact.ts'
import type { Upstream, UpstreamListener } from './types.ts'

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

/** A disk that hangs must not keep the process from ending (ms). */
const closeTimeoutMs = 2000

/** Makes a recorder. */
export function createRecorder({ folder, words, log, limits = recordingLimits }: RecorderOptions): Recorder {
  const files = new Set<RecordingFile>()
  let failed = false
  const fail = (reason: string) => {
    if (!failed) log.warn('recording.failed', { folder, reason })
    failed = true
  }
  const open = (connection: string): RecordingFile | null => {
    if (failed) return null
    const begin = new Date().toISOString().replaceAll(':', '-')
    const file = new RecordingFile(join(folder, `${begin}_${connection}.jsonl`), limits, fail)
    files.add(file)
    return file
  }
  const close = (file: RecordingFile, code: number | null) => file.end(code).finally(() => files.delete(file))
  return {
    record: (listener, connection) => {
      let file: RecordingFile | null = null
      const note = (from: 'client' | 'upstream', data: string | Uint8Array, isBinary: boolean) => {
        if (failed || !file?.isOpen) return
        try {
          file.write(from, redact(data, isBinary, words))
        } catch (fault) {
          // Whatever is wrong with a recording is no fault of the session's.
          fail(String(fault))
        }
      }
      return {
        opened: upstream => {
          file = open(connection)
          listener.opened(file === null ? upstream : overheard(upstream, note))
        },
        event: (frame, isBinary) => {
          note('upstream', frame, isBinary)
          listener.event(frame, isBinary)
        },
        closed: (code, reason, error) => {
          if (file !== null) void close(file, code)
          listener.closed(code, reason, error)
        },
        failed: error => listener.failed(error),
      }
    },
    close: async () => {
      const tooLong = new Promise(resolve => setTimeout(resolve, closeTimeoutMs).unref())
      await Promise.race([tooLong, Promise.all([...files].map(file => close(file, null)))])
    },
  }
}

function overheard(
  upstream: Upstream,
  note: (from: 'client', data: string | Uint8Array, isBinary: boolean) => void,
): Upstream {
  return {
    ...upstream,
    send: (data, isBinary = false) => {
      note('client', data, isBinary)
      upstream.send(data, isBinary)
    },
  }
}
