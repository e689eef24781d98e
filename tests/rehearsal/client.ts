/** One scripted client: what it does at its start, when the old revision goes, and at the end. */
import type { StoredConversation } from '../store/stored-conversations.ts'
import { Conversation, type ConversationOptions } from './conversation.ts'
import { chat, type Manner, realtime, sdk } from './endpoints.ts'
import type { ClientRecord, Link, Phase, Script } from './types.ts'

const manners: Partial<Record<Script, Manner>> = { listening: realtime, tool: realtime, sdk }

/** What a client is found at once its part has begun; others have none. */
const parts: Partial<Record<Script, Phase>> = {
  speaking: 'speaking',
  sdk: 'speaking',
  tool: 'tool pending',
  'server tool': 'tool pending',
  connecting: 'connecting',
  listening: 'listening',
}

/** The assistant whose tool runs on the server. */
const toolAssistant = 'counter'

/** Short turns come this long after each other, a little more for each client (ms). */
const talkIntervalMs = 900
const talkSpreadMs = 20

/** The first dial and the first answer; a target may have to wake up for them (ms). */
const startMs = 120_000

export class ScriptedClient {
  readonly record: ClientRecord
  readonly #conversation: Conversation
  #talkTimer: NodeJS.Timeout | undefined

  /** @param options without a `manner` the script decides */
  constructor(options: Omit<ConversationOptions, 'manner'> & { manner?: Manner }) {
    const { script } = options
    this.#conversation = new Conversation({
      manner: manners[script] ?? chat,
      ...options,
      ...(script === 'server tool' && { assistant: toolAssistant }),
    })
    this.record = this.#conversation.record
  }

  /** The socket that is open, or was last. */
  get link(): Link | undefined {
    return this.#conversation.link
  }

  get phase(): Phase {
    return this.#conversation.phase
  }

  /**
   * Connects and says the first turn, but for a client that is to be found connecting.
   * @param withinMs one that is not answered by then gives up, and says so
   * @returns when it was answered
   */
  async start(withinMs = startMs): Promise<void> {
    const timer = setTimeout(() => {
      this.record.faults.push(`had no answer within ${withinMs / 1000} s of its start`)
      this.stop()
    }, withinMs)
    await this.#begin().finally(() => clearTimeout(timer))
  }

  async #begin(): Promise<void> {
    const { script } = this.record
    const conversation = this.#conversation
    conversation.dial()
    await conversation.until(() => conversation.isReady)
    if (conversation.isOver) return
    if (script === 'tool') conversation.offerTool()
    if (script !== 'connecting') conversation.ask('repeat')
    await conversation.until(() => !conversation.busy)
    if (conversation.isOver) return
    if (script === 'turns') this.#keepTalking()
    if (script === 'listening') conversation.listen()
  }

  /** Whether it has a socket of use and no answer is due. */
  get isIdle(): boolean {
    return this.#conversation.isReady && !this.#conversation.busy
  }

  /** Does what this client is to be found at when the old revision goes. */
  beginPart(): void {
    const { script, turns } = this.record
    const conversation = this.#conversation
    if (conversation.busy || conversation.isOver) return
    if (script === 'speaking' || script === 'sdk') conversation.ask('count')
    if (script === 'tool') conversation.ask('weather')
    if (script === 'server tool') conversation.ask('number')
    if (script === 'connecting' && turns.length === 0) conversation.ask('repeat')
    if (script === 'listening') conversation.ask('spoken')
  }

  /** Waits until it is found at its part, and words of a long answer have come. */
  async inPart(): Promise<void> {
    const part = parts[this.record.script]
    const conversation = this.#conversation
    await conversation.until(
      () => part === undefined || (this.phase === part && (part !== 'speaking' || conversation.hasWords)),
    )
  }

  /** Says nothing of its own accord, and waits for the answer under way. */
  async rest(): Promise<void> {
    clearTimeout(this.#talkTimer)
    await this.#conversation.until(() => !this.#conversation.busy)
  }

  /** Talks again after a rest, if it did before. */
  goOn(): void {
    if (this.record.script === 'turns') this.#keepTalking()
  }

  /** Whether the store has the end of its last answer, if that has come. An SDK's conversation is not kept. */
  isAmong(stored: readonly StoredConversation[]): boolean {
    const { id, script, turns } = this.record
    const hasEnded = !this.#conversation.busy || this.phase === 'tool pending'
    if (script === 'sdk' || !hasEnded) return true
    const last = new RegExp(`client ${id} turn ${turns.length}\\b`)
    const isStored = ({ items }: StoredConversation) => items.some(({ text }) => last.test(text))
    // While a tool runs on the server, the answer behind it is pending.
    return stored.some(one => (!one.owed || script === 'server tool') && isStored(one))
  }

  /** Waits until there is a socket that leads elsewhere than to a replica. */
  async away(replica: string): Promise<void> {
    await this.#conversation.until(() => this.#conversation.isReady && this.link?.replica !== replica)
  }

  /** Finishes what is open, asks what the model remembers, and leaves. */
  async finish(): Promise<void> {
    const conversation = this.#conversation
    await conversation.until(() => conversation.isReady)
    conversation.conclude()
    await conversation.until(() => !conversation.busy && conversation.isReady)
    clearTimeout(this.#talkTimer)
    // What the tools have stored goes on, too.
    if (this.record.script === 'server tool') conversation.ask('number')
    await conversation.until(() => !conversation.busy && conversation.isReady)
    await conversation.recall()
    this.stop()
  }

  /** Safe to call twice. */
  stop(): void {
    clearTimeout(this.#talkTimer)
    this.#conversation.stop()
  }

  #keepTalking(): void {
    const conversation = this.#conversation
    if (!conversation.busy && conversation.isReady) conversation.ask('repeat')
    const waitMs = talkIntervalMs + talkSpreadMs * (this.record.id % 20)
    this.#talkTimer = setTimeout(() => this.#keepTalking(), waitMs)
  }
}
