/** What crosses the network: the messages of `/chat`, and what the gateway itself says on every socket. */

/** Who says that a spoken turn is over: the client (`push`, by `audio-end`), or upstream, which listens (`open`). */
export type TalkMode = 'push' | 'open'

/** `/chat`, client to server. `played_ms`: how much of the last answer's audio was heard (ms). */
export type ChatRequest =
  | { type?: 'message'; text: string; played_ms?: number }
  /** Ends the answer that comes or is spoken. */
  | { type: 'interrupt'; played_ms?: number }
  /** The answer to `speech-started`, when that cut an answer: the model is told where. */
  | { type: 'played'; played_ms: number }
  /** Before audio: who ends turns from now on; `push` until it is said. Audio that was no turn yet is forgotten. */
  | { type: 'talk'; mode: TalkMode }
  /** Sound of the person: base64 of PCM16, 24 kHz, mono; at most 1 MiB of base64, about 16 s. */
  | { type: 'audio'; value: string }
  /** No more audio comes. `push`: the turn is complete and is answered. */
  | { type: 'audio-end' }
  | { type: 'heartbeat' }

/** `/chat`, server to client. */
export type ChatMessage =
  | { type: 'status'; message: string }
  | { type: 'text-reset' }
  | { type: 'transcript-reset' }
  | { type: 'text-delta'; value: string }
  | { type: 'audio-chunk'; value: string; bytes: number }
  | { type: 'transcript-delta'; value: string }
  /** `open`: the person is heard to speak; an answer that was coming is over, one that still sounds is to be cut. */
  | { type: 'speech-started' }
  /** `open`: the turn is over; its answer comes by itself. */
  | { type: 'speech-stopped' }
  /** What the person said, in writing; '' where it could not be written down. May come after the answer began. */
  | { type: 'heard'; value: string }
  | { type: 'error'; message: string; code: string }
  | { type: 'heartbeat-ack' }
  /** A tool of the assistant's runs on the server, or has ended. `ms`: since it began. */
  | { type: 'tool'; name: string; status: 'running' | 'done' | 'failed' | 'interrupted'; ms: number }
  /** What a tool tells the client. */
  | { type: 'assistant.event'; name: string; data: unknown }
  | SessionMessage

/** Sent on every socket when the process starts to drain. `deadline_ms` counts from the sending. */
export interface ServerDraining {
  type: 'server.draining'
  deadline_ms: number
  /** The ticket to come back with: `?resume=`, once, within ten minutes. */
  resume?: string
}

/** What `/chat` and `/realtime` say of the conversation itself, rather than of what is said in it. */
export type SessionMessage =
  | ServerDraining
  | SessionExpiring
  /** To a client that dialled with `?resume=`: the ticket that is good from now on, also without a notice. */
  | { type: 'session.ticket'; resume: string }
  /**
   * The client's ticket was honoured: the model knows `items` items of the conversation. `answer_due`:
   * the answer to what was last said comes now; when it is false, words that have had no answer did not
   * arrive, and the client says them again. `answers`: so many have ended, as far as the store was told. A
   * client that has heard more ends was ahead of the store when its process was killed: the model does not know
   * those answers, and one that is due is the first of them. `settings_kept` is there, and false, where a
   * `session.update` of the client's was too large or too deep to be kept, or not confirmed: the client sends its
   * settings again. `dropped` is there where the conversation passed its limit: so many of its oldest items the
   * model does not know any more. `assistant`, `version` and `previous` are there where an assistant serves the
   * conversation: its name, the version of this replica, under which the conversation goes on, and the version before.
   */
  | {
      type: 'session.resumed'
      items: number
      answer_due: boolean
      answers: number
      assistant?: string
      version?: string
      previous?: string
      settings_kept?: false
      dropped?: number
    }
  /** It was not; this is a fresh session. `reason`: unknown, expired, store_unavailable. */
  | { type: 'session.resume_failed'; reason: string }
  /** Upstream ended and another session took over. `asked_again`: a broken answer comes once more. */
  | {
      type: 'session.renewed'
      items: number
      asked_again: boolean
      settings_kept?: false
      dropped?: number
    }

/** Sent on every socket when a session's minutes are nearly over. `deadline_ms` counts from the sending. */
export interface SessionExpiring {
  type: 'session.expiring'
  deadline_ms: number
}
