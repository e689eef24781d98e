/** What a tool host and its process say to each other: JSON texts in frames, on one pipe. */

import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { maxArgumentsBytes, maxOutputBytes, maxStateBytes } from '../resume/tool-journal.ts'
import { toolErrorCodes } from './tool-error.ts'
import { maxEmittedBytes } from './tool-limits.ts'

/** The process's end of the pipe (file descriptor). */
export const pipeFd = 3

/** The gateway to the process. */
export type HostMessage =
  /** First and once. Loads the tools. */
  | { readonly type: 'start'; readonly folder: string; readonly files: readonly ToolFile[] }
  | {
      readonly type: 'call'
      readonly id: number
      readonly name: string
      /** JSON text of the model's. */
      readonly arguments: string
      readonly idempotencyKey: string
      readonly caller: string
      /** JSON text. */
      readonly state: string
    }
  | { readonly type: 'abort'; readonly id: number; readonly reason: 'timeout' | 'cancelled' }
  /** Makes the changes of a call that is done over a newer state (JSON text). */
  | { readonly type: 'replay'; readonly id: number; readonly ask: number; readonly state: string }
  | { readonly type: 'ping' }

export interface ToolFile {
  /** The tool's. */
  readonly name: string
  /** Absolute. */
  readonly path: string
}

const id = z.int().nonnegative()
const code = z.enum(toolErrorCodes)
const level = z.enum(['info', 'warn', 'error'])

const description = z.object({
  name: z.string(),
  description: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  timeoutMs: z.number(),
  idempotent: z.boolean(),
})

/** The process to the gateway. */
const processMessage = z.discriminatedUnion('type', [
  /** A tool's file is being loaded: its absolute path. */
  z.object({ type: z.literal('loading'), file: z.string() }),
  z.object({ type: z.literal('ready'), tools: z.array(description) }),
  /** A tool's file cannot be used; the process ends. */
  z.object({
    type: z.literal('refused'),
    faults: z.array(z.object({ file: z.string(), message: z.string() })),
  }),
  z.object({ type: z.literal('emit'), id, name: z.string(), data: z.string() }),
  z.object({
    type: z.literal('log'),
    /** Of the tool; absent outside a call. */
    tool: z.string().optional(),
    level,
    message: z.string(),
    fields: z.string().optional(),
  }),
  z.object({ type: z.literal('done'), id, output: z.string(), changed: z.boolean() }),
  z.object({ type: z.literal('failed'), id, code, message: z.string() }),
  z.object({ type: z.literal('replayed'), ask: id, state: z.string() }),
  z.object({ type: z.literal('not_replayed'), ask: id, message: z.string() }),
  z.object({ type: z.literal('pong') }),
])

export type ProcessMessage = z.infer<typeof processMessage>

/** @throws Error when it is none */
export function readProcessMessage(text: string): ProcessMessage {
  return processMessage.parse(JSON.parse(text))
}

/**
 * Of one frame, either way (bytes): a call with its arguments and state is the largest. Texts stand in a JSON text
 * once more, which at worst doubles what is already JSON.
 */
export const maxFrameBytes =
  2 * Math.max(maxArgumentsBytes + maxStateBytes, maxOutputBytes, maxEmittedBytes) + 64 * 1024

/** Of frames that a process has not taken yet (bytes). */
export const maxUnsentBytes = 16 * maxFrameBytes

const headerBytes = 4

/** Frames on a pipe: the length of the text (bytes, 32 bits, big-endian), then the text in UTF-8. */
export class FramePipe {
  readonly #pipe: Duplex
  #pending: Buffer[] = []
  #pendingBytes = 0

  /**
   * @param heard gets each text
   * @param broken the other end sent what is no frame, or one that is too large; nothing is read any more
   */
  constructor(pipe: Duplex, heard: (text: string) => void, broken: () => void) {
    this.#pipe = pipe
    // The end of the process is told by its exit.
    pipe.on('error', () => undefined)
    pipe.on('data', (chunk: Buffer) => {
      this.#pending.push(chunk)
      this.#pendingBytes += chunk.length
      if (!this.#read(heard)) {
        pipe.destroy()
        broken()
      }
    })
  }

  /**
   * @param maxUnsent sent only while no more than this waits to be taken (bytes)
   * @returns false when it is too large, or too much waits already: it is not sent
   */
  send(message: object, maxUnsent = Number.POSITIVE_INFINITY): boolean {
    const text = Buffer.from(JSON.stringify(message))
    if (text.length > maxFrameBytes || this.#pipe.writableLength > maxUnsent || !this.#pipe.writable)
      return false
    const header = Buffer.allocUnsafe(headerBytes)
    header.writeUInt32BE(text.length)
    this.#pipe.write(Buffer.concat([header, text]))
    return true
  }

  /** Reads what is complete. @returns false when a frame is too large */
  #read(heard: (text: string) => void): boolean {
    while (this.#pendingBytes >= headerBytes) {
      if ((this.#pending[0] as Buffer).length < headerBytes) this.#pending = [Buffer.concat(this.#pending)]
      const length = (this.#pending[0] as Buffer).readUInt32BE()
      if (length > maxFrameBytes) return false
      const end = headerBytes + length
      if (this.#pendingBytes < end) return true
      const whole = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending)
      this.#pending = whole.length === end ? [] : [whole.subarray(end)]
      this.#pendingBytes = whole.length - end
      heard(whole.toString('utf8', headerBytes, end))
    }
    return true
  }
}
