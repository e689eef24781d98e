/**
 * The account of one session: what it used and what that is estimated to cost, its responses, interruptions and tool
 * calls; and the same of its conversation, which may have had sessions before. Each response is counted where it ended,
 * and once: a conversation that is resumed or renewed brings what it used along, and replayed items are no responses.
 */
import { hash } from 'node:crypto'
import type { Meter, SessionEnd, TraceLinks } from '../core/ports.ts'
import { isFields, textOr } from '../events/fields.ts'
import {
  type Amounts,
  amountsOfTranscription,
  countedTokens,
  fieldsOf,
  transcriptionUsageOf,
} from '../events/usage.ts'
import type { UsageLedger } from './ledger.ts'
import { formatMoney, type Pricing } from './prices.ts'
import { type ResponseReport, readResponseReport } from './response-report.ts'
import { tallyOf, UsageTally } from './tally.ts'

/** Who has a session, and how it came. */
export interface SessionOwner {
  /** Id of the session: that of its connection, or of a call. */
  readonly session: string
  /** The principal's name. */
  readonly principal: string
  /** The path that was dialled, or `call`. */
  readonly route: string
  /** The trace that the request belongs to; null, or absent, where it named none. */
  readonly traceparent?: string | null
}

/** What a budget counts. */
export interface Spending {
  readonly tokens: number
  /** Estimated, in billionths of the currency's unit. */
  readonly nanos: number
}

/** What a session or a conversation came to. No content. */
export type Summary = Readonly<Record<string, unknown>>

export interface AccountParts {
  readonly ledger: UsageLedger
  readonly pricing: Pricing
  /** Unix time (ms). */
  readonly now: () => number
  /** A session is over. */
  readonly sessionEnded: (session: string, summary: Summary) => void
  /** A conversation is over: nobody can go on with it. */
  readonly conversationEnded: (conversation: string, summary: Summary) => void
  /** A conversation is over unless it is heard of again within so long (ms). */
  readonly conversationKept: (
    conversation: string,
    summary: Summary,
    sessions: number,
    lifeMs: number,
  ) => void
}

/** Where no assistant is named. */
export const defaultAssistant = 'default'

/** Stands for a model of which nothing is known. */
const unknownModel = 'unknown'

/** Longer names of models, and ids, are cut (characters). */
const maxNameChars = 128

/** A conversation that nothing happens to is noted in the store this often at most (ms). */
const keptIntervalMs = 60_000

class Counts {
  startedAt: number
  responses = 0
  interruptions = 0
  toolCalls = 0
  usage = new UsageTally()

  constructor(startedAt: number) {
    this.startedAt = startedAt
  }
}

/** What goes on with a conversation. */
class ConversationCounts extends Counts {
  readonly id: string
  sessions = 1

  constructor(id: string, startedAt: number) {
    super(startedAt)
    this.id = id
  }
}

/** A conversation is named after its first session, and not like it: the two are told apart. */
function conversationOf(session: string): string {
  return hash('sha256', `conversation ${session}`, 'buffer').toString('hex', 0, 12)
}

export class SessionAccount implements Meter {
  readonly #owner: SessionOwner
  readonly #parts: AccountParts
  readonly #spend: (spending: Spending) => void
  #session: Counts
  #conversation: ConversationCounts
  #assistant = defaultAssistant
  #deployment = unknownModel
  #transcription = unknownModel
  #soundBytesPerSecond = soundBytesPerSecond(null)
  /** Until when the conversation can be resumed (Unix time, ms). */
  #keptUntil = 0
  /** When the store was last told, and of how many responses. */
  #told = { at: 0, responses: -1 }
  #state: 'open' | 'ended' = 'open'
  trace: Meter['trace'] = null
  tracedBefore: TraceLinks | null = null

  /** @param spend takes what counts towards the budgets of the session's owner */
  constructor(owner: SessionOwner, parts: AccountParts, spend: (spending: Spending) => void) {
    this.#owner = owner
    this.#parts = parts
    this.#spend = spend
    const startedAt = parts.now()
    this.#session = new Counts(startedAt)
    this.#conversation = new ConversationCounts(conversationOf(owner.session), startedAt)
  }

  get conversation(): string {
    return this.#conversation.id
  }

  get principal(): string {
    return this.#owner.principal
  }

  get assistant(): string {
    return this.#assistant
  }

  get traceparent(): string | null {
    return this.#owner.traceparent ?? null
  }

  get deployment(): string {
    return this.#deployment
  }

  get transcription(): string {
    return this.#transcription
  }

  serve(assistant: string): void {
    this.#assistant = assistant
  }

  opened(deployment: string | undefined): void {
    if (deployment !== undefined) this.#deployment = deployment.slice(0, maxNameChars)
  }

  configured(frame: Uint8Array): void {
    const { session } = fieldsOf(frame)
    if (!isFields(session)) return
    const input = isFields(session.audio) && isFields(session.audio.input) ? session.audio.input : {}
    const transcription = input.transcription ?? session.input_audio_transcription
    const model = isFields(transcription) ? textOr(transcription.model) : ''
    if (model !== '') this.#transcription = model.slice(0, maxNameChars)
    this.#soundBytesPerSecond = soundBytesPerSecond(input.format ?? session.input_audio_format)
    if (this.#deployment === unknownModel && textOr(session.model) !== '')
      this.#deployment = textOr(session.model).slice(0, maxNameChars)
  }

  responseDone(frame: Uint8Array): void {
    this.respond(readResponseReport(frame))
  }

  /** Counts a response that is over. */
  respond({ amounts, total, isInterrupted, toolCalls }: ResponseReport): void {
    for (const counts of [this.#session, this.#conversation]) {
      counts.responses += 1
      counts.interruptions += isInterrupted ? 1 : 0
      counts.toolCalls += toolCalls
    }
    this.#count(this.#deployment, amounts, total, 1)
  }

  transcribed(frame: Uint8Array, model = this.#transcription): void {
    const { usage } = fieldsOf(frame)
    const tokens = countedTokens(transcriptionUsageOf(frame))
    this.#count(model, amountsOfTranscription(usage), tokens, 0)
  }

  heard(soundBytes: number, model: string): number {
    const seconds = (soundBytes * 3) / 4 / this.#soundBytesPerSecond
    const tokens = countedTokens({ input: 0, output: 0, total: 0, seconds })
    this.#count(model, amountsOfTranscription({ seconds }), tokens, 0)
    return seconds
  }

  translated(seconds: number): void {
    const amounts = { translation_ms: Math.round(seconds * 1000) }
    this.#count(this.#deployment, amounts, countedTokens({ input: 0, output: 0, total: 0, seconds }), 0)
  }

  resume(stored: unknown): void {
    const fields = isFields(stored) ? stored : {}
    const id = textOr(fields.id)
    if (id === '') return
    const startedAt = amountOr(fields.startedAt, this.#session.startedAt)
    const conversation = new ConversationCounts(id.slice(0, maxNameChars), startedAt)
    conversation.sessions = amountOr(fields.sessions, 1) + 1
    conversation.responses = amountOr(fields.responses, 0)
    conversation.interruptions = amountOr(fields.interruptions, 0)
    conversation.toolCalls = amountOr(fields.toolCalls, 0)
    conversation.usage = UsageTally.restore(fields.usage)
    this.#conversation = conversation
    const { root, last } = isFields(fields.trace) ? fields.trace : {}
    if (textOr(root) !== '') this.tracedBefore = { root: textOr(root), last: textOr(last) }
  }

  /** Goes on with this very session, of which another replica has counted so much: the two have one end. */
  goOn(stored: unknown): void {
    const fields = isFields(stored) ? stored : {}
    if (textOr(fields.id) === '') return
    this.resume(stored)
    this.#conversation.sessions -= 1
    const { startedAt, responses, interruptions, toolCalls } = this.#conversation
    const usage = UsageTally.restore(fields.usage)
    this.#session = Object.assign(new Counts(startedAt), { responses, interruptions, toolCalls, usage })
  }

  stored(): object {
    const { id, startedAt, sessions, responses, interruptions, toolCalls, usage } = this.#conversation
    const trace = this.trace?.links() ?? this.tracedBefore
    return {
      id,
      startedAt,
      sessions,
      responses,
      interruptions,
      toolCalls,
      usage,
      ...(trace !== null && { trace }),
    }
  }

  kept(lifeMs: number): void {
    const now = this.#parts.now()
    const { responses } = this.#conversation
    this.#keptUntil = now + lifeMs
    const isKnown = this.#told.responses === responses && now - this.#told.at < keptIntervalMs
    if (!isKnown && this.#state === 'open') this.#tellKept(lifeMs)
  }

  ended(end: SessionEnd): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    const { sessionEnded, conversationEnded, now } = this.#parts
    sessionEnded(this.#owner.session, this.#summary(this.#session, end))
    const leftMs = this.#keptUntil - now()
    if (leftMs > 0) this.#tellKept(leftMs)
    else conversationEnded(this.#conversation.id, this.#conversationSummary())
  }

  #tellKept(lifeMs: number): void {
    const { id, responses, sessions } = this.#conversation
    this.#told = { at: this.#parts.now(), responses }
    this.#parts.conversationKept(id, this.#conversationSummary(), sessions, lifeMs)
  }

  #count(deployment: string, amounts: Amounts, tokens: number, responses: number): void {
    const { pricing, ledger, now } = this.#parts
    const estimate = pricing.estimate(deployment, amounts, now())
    const tally = tallyOf(amounts, estimate, responses)
    this.#session.usage.add(deployment, tally)
    this.#conversation.usage.add(deployment, tally)
    ledger.add({ principal: this.#owner.principal, assistant: this.#assistant }, deployment, tally)
    if (tokens > 0 || estimate.nanos > 0) this.#spend({ tokens, nanos: estimate.nanos })
  }

  #conversationSummary(): Summary {
    const { sessions } = this.#conversation
    return { ...this.#summary(this.#conversation, null), sessions }
  }

  /** @param end null of a conversation: it ends because nobody goes on with it */
  #summary(counts: Counts, end: SessionEnd | null): Summary {
    const { session, principal, route } = this.#owner
    const endedAt = this.#parts.now()
    return {
      ...(end !== null && { session_id: session }),
      conversation_id: this.#conversation.id,
      principal,
      assistant: this.#assistant,
      route,
      started_at: new Date(counts.startedAt).toISOString(),
      ended_at: new Date(endedAt).toISOString(),
      duration_ms: Math.max(0, endedAt - counts.startedAt),
      ...(end !== null && { ended_by: end.by, code: end.code, error: end.error ?? null }),
      responses: counts.responses,
      interruptions: counts.interruptions,
      tool_calls: counts.toolCalls,
      usage: counts.usage.describe(),
      estimated_cost: formatMoney(counts.usage.sumOf('estimated_nanos')),
      currency: this.#parts.pricing.list.currency,
    }
  }
}

/** @param format of a session's input, as either dialect names it: G.711 has 8 kHz of 8 bits, PCM 24 kHz of 16 */
function soundBytesPerSecond(format: unknown): number {
  const name = textOr(isFields(format) ? format.type : format)
  return /pcm[ua]|g711/.test(name) ? 8000 : 48_000
}

function amountOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : otherwise
}
