/** A conversation with an assistant in a terminal, by text, over `/chat`. */
import { WebSocket } from 'ws'
import type { ChatMessage } from '../core/wire.ts'
import { terminalText } from './terminal-text.ts'

export interface TerminalTalkOptions {
  /** `ws://HOST:PORT/chat?assistant=NAME`. */
  readonly url: string
  /** What the person types, a line a turn; its end ends the conversation. */
  readonly lines: AsyncIterable<string>
  readonly write: (text: string) => void
  /** Whether the assistant speaks first. */
  readonly greets: boolean
  /** Shown before the person's turn; '' where nobody reads it. */
  readonly prompt: string
  /** An answer that takes longer is given up (ms; default 120000). */
  readonly answerMs?: number
}

const defaultAnswerMs = 120_000

/** After these errors nothing more comes of an answer; after the model's own it may go on. */
const endsAnswer = /^upstream_|^internal$/

/** How the conversation ended: the person's lines were over, or the reason for which it broke off. */
export type TalkEnd = { readonly kind: 'over' } | { readonly kind: 'broken'; readonly reason: string }

/** Talks until the lines are over or the connection is. */
export async function talkInTerminal(options: TerminalTalkOptions): Promise<TalkEnd> {
  const { url, lines, write, greets, prompt, answerMs = defaultAnswerMs } = options
  const socket = new WebSocket(url)
  const answers = new Answers(socket, write)
  try {
    await answers.opened
    if (greets) await answers.next(answerMs)
    write(prompt)
    for await (const line of lines) {
      if (line.trim() !== '') {
        socket.send(JSON.stringify({ text: line }))
        await answers.next(answerMs)
      }
      write(prompt)
    }
    return { kind: 'over' }
  } catch (fault) {
    return { kind: 'broken', reason: fault instanceof Error ? fault.message : String(fault) }
  } finally {
    socket.close()
  }
}

/** What comes from the gateway: words are written as they come. */
class Answers {
  readonly opened: Promise<void>
  readonly #write: (text: string) => void
  /** `failed`: ended by an error; the end of its answer may follow right behind it, and counts once. */
  #state: 'idle' | 'answering' | 'failed' = 'idle'
  #turn: PromiseWithResolvers<void> | null = null
  #isWriting = false
  #ended: Error | null = null
  /** Answers that ended before anybody waited for them. */
  #done = 0

  constructor(socket: WebSocket, write: (text: string) => void) {
    this.#write = text => write(terminalText(text))
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
      socket.once('unexpected-response', async (request, response) => {
        const text = (await response.toArray()).join('')
        reject(
          new Error(detailOf(text) ?? `The gateway refused the connection (HTTP ${response.statusCode})`),
        )
        request.destroy()
      })
    })
    socket.on('message', data => this.#take(JSON.parse(data.toString()) as ChatMessage))
    socket.on('error', fault => this.#end(fault))
    socket.on('close', (code, reason) =>
      this.#end(new Error(`The gateway closed the connection (${code} ${reason})`)),
    )
  }

  /** Waits for the end of an answer. */
  async next(withinMs: number): Promise<void> {
    if (this.#done > 0) {
      this.#done -= 1
      return
    }
    if (this.#ended !== null) throw this.#ended
    const turn = Promise.withResolvers<void>()
    this.#turn = turn
    const timer = setTimeout(() => turn.reject(new Error(`No answer came within ${withinMs} ms`)), withinMs)
    try {
      await turn.promise
    } finally {
      clearTimeout(timer)
      this.#turn = null
    }
  }

  #take(message: ChatMessage): void {
    const hadFailed = this.#state === 'failed'
    if (hadFailed) this.#state = 'idle'
    switch (message.type) {
      case 'text-reset':
        this.#state = 'answering'
        return
      case 'text-delta':
      case 'transcript-delta':
        if (message.value !== '') this.#isWriting = true
        return this.#write(message.value)
      case 'tool':
        return this.#endLine()
      case 'error':
        this.#endLine()
        this.#write(`! ${message.message}\n`)
        if (this.#state === 'answering' && !endsAnswer.test(message.code)) return
        this.#finish()
        this.#state = 'failed'
        return
      case 'status':
        return message.message === 'Model ready' && !hadFailed ? this.#finish() : undefined
    }
  }

  #endLine(): void {
    if (this.#isWriting) this.#write('\n')
    this.#isWriting = false
  }

  #finish(): void {
    this.#state = 'idle'
    this.#endLine()
    if (this.#turn === null) this.#done += 1
    else this.#turn.resolve()
  }

  #end(fault: Error): void {
    this.#ended ??= fault
    this.#turn?.reject(this.#ended)
  }
}

function detailOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    return typeof detail === 'string' ? detail : null
  } catch {
    return null
  }
}
