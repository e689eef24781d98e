/** The responses of one session: at most one in the conversation at a time, others beside it. */
import { Refusal, type ResponseOptions } from '../protocol/types.ts'
import type { Context } from './context.ts'
import { checkForcedTool } from './forced-tool.ts'
import { Response, type ResponseEnd } from './response.ts'
import type { Timeline } from './timeline.ts'
import { sumOf, type Tokens } from './usage.ts'

const maxBeside = 16
const tokensPerMinute = 15_000_000

export class Responses {
  readonly #context: Context
  readonly #timeline: Timeline
  readonly #quiet: (spokenMs: number) => void
  readonly #beside = new Map<string, Response>()
  #active: Response | null = null
  /** What goes on by itself after an answer to a request for approval. */
  #continued: Response | null = null
  #turnWaits = false
  #seenBefore: Tokens = { text: 0, audio: 0, image: 0 }
  #tokensLeft = tokensPerMinute

  /** @param quiet called when a response of the conversation has ended and none follows, with its speech (ms) */
  constructor(context: Context, timeline: Timeline, quiet: (spokenMs: number) => void) {
    this.#context = context
    this.#timeline = timeline
    this.#quiet = quiet
  }

  /**
   * Responds because the client asked for it.
   * @throws Refusal `conversation_already_has_active_response`; one without a code for a forced tool that is not there
   */
  create(options: ResponseOptions): void {
    checkForcedTool(options, this.#context.config)
    const inConversation = options.conversation !== 'none'
    if (inConversation && this.#active !== null) {
      if (this.#active !== this.#continued) throw alreadyActive(this.#active.id)
      // The client asks for what has begun already.
      this.#continued = null
      return
    }
    if (this.#beside.size >= maxBeside) throw tooMany()
    this.#start(options)
  }

  /** Responds to a turn: at once, or as soon as the active response is done. */
  answerTurn(): void {
    this.#turnWaits = this.#active !== null
    if (this.#active === null) this.#start({})
  }

  /**
   * Goes on after an answer to a request for approval, without being asked. Assumed: agents-js sends that item alone and
   * waits; no recording and no document shows it.
   */
  continueAfterApproval(): void {
    this.answerTurn()
    this.#continued = this.#active
  }

  /** @throws Refusal `response_cancel_not_active` */
  cancel(id: string | null | undefined): void {
    const isActive = id === null || id === undefined || id === this.#active?.id
    const response = isActive ? this.#active : this.#beside.get(id)
    if (response === null || response === undefined) throw notActive()
    response.cancel('client_cancelled')
  }

  /** The user has begun to speak. */
  interrupt(): void {
    this.#turnWaits = false
    this.#active?.cancel('turn_detected')
  }

  #start(options: ResponseOptions): void {
    const response: Response = new Response(this.#context, this.#timeline, options, this.#seenBefore, end => {
      if (response === this.#active) this.#active = null
      else this.#beside.delete(response.id)
      this.#afterEnd(end, response.inConversation)
    })
    if (response.inConversation) this.#active = response
    else this.#beside.set(response.id, response)
  }

  #afterEnd({ input, output, spokenMs }: ResponseEnd, inConversation: boolean): void {
    this.#seenBefore = input
    // Not seen in recordings of Azure's GA form.
    if (this.#context.vendor === 'openai') this.#tellLimits(sumOf(input) + sumOf(output))
    if (!inConversation) return
    if (this.#turnWaits) this.answerTurn()
    else this.#quiet(spokenMs)
  }

  #tellLimits(used: number): void {
    this.#tokensLeft = Math.max(0, this.#tokensLeft - used)
    const limit = {
      name: 'tokens',
      limit: tokensPerMinute,
      remaining: this.#tokensLeft,
      reset_seconds: Math.round((used / tokensPerMinute) * 60_000) / 1000,
    }
    this.#context.emit({ type: 'rate_limits.updated', rate_limits: [limit] })
  }
}

function alreadyActive(id: string): Refusal {
  const message = `Conversation already has an active response in progress: ${id}. Wait until the response is finished before creating a new one.`
  return new Refusal({ code: 'conversation_already_has_active_response', message })
}

function notActive(): Refusal {
  return new Refusal({
    code: 'response_cancel_not_active',
    message: 'Cancellation failed: no active response found',
  })
}

function tooMany(): Refusal {
  const message = 'Too many out-of-band responses are in progress in this session.'
  return new Refusal({ code: 'rate_limit_exceeded', message }, 'rate_limit_error')
}
