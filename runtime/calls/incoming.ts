/**
 * `POST /webhooks/realtime`: the vendor tells of a telephone call that rings, at least once, and one replica acts once.
 *
 * | the webhook                                    | answer                             | what is done |
 * |------------------------------------------------|------------------------------------|--------------|
 * | is not signed, too old, forged                 | 401                                | nothing; it is not parsed |
 * | comes to a replica that drains, or the store is away | 503: the vendor delivers again | nothing |
 * | is delivered again while it is acted on        | 409: the vendor delivers again     | nothing |
 * | is delivered again, or tells of a known call   | 200 `duplicate`                    | nothing |
 * | tells of something else than a call            | 200 `ignored`                      | nothing |
 * | tells of a call that rings no more             | 200 `gone`                         | nothing |
 * | tells of a call                                | 200 `answered` or `rejected`       | as `CALLS_POLICY` says |
 * | the same, and upstream takes its time          | 200 `pending`                      | likewise, later |
 * | the same, and upstream refuses at once         | its status: the vendor delivers again | the claims are given back |
 *
 * A call that its owner may not make now (`LIMIT_…`) is rejected as busy.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { checkSignature, readSignature, SignatureError } from '../access/webhook-signature.ts'
import type { Assistant } from '../assistants/assistant.ts'
import type { Assistants } from '../assistants/assistants.ts'
import { assistantSessionSettings, greetingOf } from '../assistants/session-settings.ts'
import type { CallPolicy, CallRule } from '../config/calls.ts'
import { GatewayError } from '../core/errors.ts'
import { describeFault, enter } from '../core/fault-boundary.ts'
import { type SessionSettings, sessionFields } from '../dialect/dialect.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type ArrivingHandler, type HttpAnswer, jsonAnswer } from '../server/http.ts'
import { checkedBy, parseJson } from '../server/json-body.ts'
import type { Store } from '../store/store.ts'
import { type AnsweringOptions, answerCall } from './answering.ts'
import { telephoneOwner } from './ownership.ts'
import type { CallRecord } from './record.ts'
import { callIdPattern } from './records.ts'

export interface IncomingOptions extends AnsweringOptions {
  readonly webhookKeys: readonly Buffer[]
  readonly rules: readonly CallRule[]
  readonly assistants: Pick<Assistants, 'find'>
  /** What the variables say of a session. */
  readonly settings: SessionSettings
  /** Of an assistant that names none. */
  readonly deployment: string
  readonly store: Pick<Store, 'claim' | 'get' | 'set' | 'delete'>
  /** Why nothing new is taken now; null while it is. */
  readonly refusal: () => GatewayError | null
  /** Has a drain wait for what has begun: an answered webhook is not delivered again. @returns it */
  readonly waitFor: <T>(work: Promise<T>) => Promise<T>
  /** @throws GatewayError `limit_reached` when this payer may make no call now; `store_unavailable` */
  readonly admit: (payer: { owner: string; address: string }) => Promise<void>
  /** Sends an event to a call that this replica watches. */
  readonly send: (
    record: CallRecord,
    event: { readonly type: string; readonly [field: string]: unknown },
  ) => void
  /** Unix time (ms). */
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
}

type Outcome = 'answered' | 'rejected' | 'gone'

interface SipHeader {
  readonly name: string
  readonly value: string
}

/** What a call is answered with. */
type Answer = Pick<Parameters<typeof answerCall>[1], 'session' | 'assistant' | 'isPinned'> & {
  /** Instructions of the first answer; null where the caller speaks first. */
  readonly greeting: string | null
}

/** A webhook has some kilobytes: the headers of one SIP message (bytes). */
const maxWebhookBytes = 64 * 1024

/**
 * Webhooks whose body is on its way, at once: whoever sends them is not known yet. Beyond that the oldest gives way, so that
 * bodies that never come keep none out: a vendor's is there within milliseconds.
 */
const maxArriving = 64

/** The vendors want an answer within seconds; what takes longer goes on behind it (ms). */
const answerWithinMs = 1500

/** A claim of a replica that is gone in the middle of it runs out after this (ms). */
const actWithinMs = 60_000

/** The vendors deliver for 72 hours; a webhook is remembered a little longer (ms). */
const rememberMs = 73 * 60 * 60_000

/** Tries to answer a call begin within this: nobody lets it ring for longer (ms). */
const tryWithinMs = 8000
const retryMs = 500

/** SIP's words for a callee that is not here, one that is occupied, and a server that cannot help (RFC 3261 section 21). */
const notFound = 404
const busyHere = 486
const serviceUnavailable = 503

const webhook = z.looseObject({ type: z.string() })

const incomingCall = z.looseObject({
  data: z.looseObject({
    call_id: z.string().regex(callIdPattern, 'is not the id of a call'),
    sip_headers: z
      .array(z.looseObject({ name: z.string(), value: z.string() }))
      .max(1000)
      .default([]),
  }),
})

/** Makes the handler. */
export function createIncoming(options: IncomingOptions): ArrivingHandler {
  const incoming = new Incoming(options)
  return async request => {
    const { headers, address, readBody } = request
    const { metrics } = options
    metrics.traffic.webhooksReceived += 1
    try {
      const signedBy = readSignature(headers, options.now())
      const body = await incoming.read(Number(headers.get('content-length') ?? 0), readBody)
      checkSignature(signedBy, body, options.webhookKeys)
      return await options.waitFor(incoming.obey(signedBy.id, body))
    } catch (fault) {
      const cause = fault instanceof GatewayError ? fault.cause : null
      if (cause instanceof SignatureError)
        options.log.warn('webhook.refused', { address, reason: cause.message })
      metrics.countWebhookRefused(refusalOf(fault))
      throw fault
    }
  }
}

/** Why a webhook is not taken: what is wrong with its signature, else the code of the error. */
function refusalOf(fault: unknown): string {
  if (!(fault instanceof GatewayError)) return 'internal'
  return fault.cause instanceof SignatureError ? fault.cause.fault : fault.code
}

class Incoming {
  readonly #options: IncomingOptions
  /** Each refuses one that arrives; oldest first. */
  readonly #arriving = new Set<(refusal: GatewayError) => void>()

  constructor(options: IncomingOptions) {
    this.#options = options
  }

  /** @throws GatewayError `message_too_big`, `memory_exhausted`, `client_silent` */
  async read(announcedBytes: number, readBody: () => Promise<Buffer>): Promise<Buffer> {
    if (announcedBytes > maxWebhookBytes) throw tooBig()
    const [oldest] = this.#arriving
    if (this.#arriving.size >= maxArriving && oldest !== undefined) {
      this.#arriving.delete(oldest)
      oldest(
        new GatewayError('memory_exhausted', 'Too many webhooks arrive at once; deliver it again', {
          retryAfterMs: 1000,
        }),
      )
    }
    const givenUp = Promise.withResolvers<never>()
    this.#arriving.add(givenUp.reject)
    try {
      const body = await Promise.race([readBody(), givenUp.promise])
      if (body.length > maxWebhookBytes) throw tooBig()
      return body
    } finally {
      this.#arriving.delete(givenUp.reject)
    }
  }

  /** Acts on a webhook whose signature was found good. */
  async obey(webhookId: string, body: Buffer): Promise<HttpAnswer> {
    const given = parseJson('The body', body.toString())
    if (checkedBy(webhook, given).type !== 'realtime.call.incoming') return result('ignored')
    const { call_id: callId, sip_headers } = checkedBy(incomingCall, given).data
    const refusal = this.#options.refusal()
    if (refusal !== null) throw refusal
    const claims = [`webhook:${digest(webhookId)}`, `incoming:${callId}`]
    if (!(await this.#claim(claims))) return result('duplicate')
    const acting = this.#act(callId, sip_headers)
    const late = Promise.withResolvers<'pending'>()
    const timer = setTimeout(() => late.resolve('pending'), answerWithinMs)
    try {
      const outcome = await Promise.race([acting, late.promise])
      if (outcome === 'pending') this.#finishLater(acting, callId, claims)
      else await this.#remember(claims)
      return result(outcome)
    } catch (fault) {
      await Promise.all(claims.map(claim => this.#options.store.delete(claim)))
      this.#notAnswered(callId, fault)
      throw fault
    } finally {
      clearTimeout(timer)
    }
  }

  /** @returns false for what was acted on. @throws GatewayError `conflict` for what is being acted on */
  async #claim(claims: readonly string[]): Promise<boolean> {
    const { store } = this.#options
    const mine: string[] = []
    for (const claim of claims) {
      if (await store.claim(claim, 'pending', actWithinMs)) {
        mine.push(claim)
        continue
      }
      const state = await store.get(claim)
      if (state === 'done') {
        await this.#remember(mine)
        return false
      }
      await Promise.all(mine.map(each => store.delete(each)))
      throw new GatewayError('conflict', 'This call is being acted on; deliver the webhook again', {
        retryAfterMs: 1000,
      })
    }
    return true
  }

  async #remember(claims: readonly string[]): Promise<void> {
    const { store } = this.#options
    // What is done stays done where this cannot be written; upstream refuses a second decision.
    await Promise.all(claims.map(claim => store.set(claim, 'done', rememberMs).catch(() => undefined)))
  }

  #finishLater(acting: Promise<Outcome>, callId: string, claims: readonly string[]): void {
    const owner = { onFault: (fault: unknown) => this.#notAnswered(callId, fault) }
    enter(owner, () => this.#options.waitFor(acting.finally(() => this.#remember(claims))))
  }

  #notAnswered(callId: string, fault: unknown): void {
    this.#options.log.error('sideband.call.incoming', {
      call_id: callId,
      outcome: 'failed',
      ...describeFault(fault),
    })
  }

  async #act(callId: string, headers: readonly SipHeader[]): Promise<Outcome> {
    const { rules, log } = this.#options
    const policy = policyFor(rules, headers)
    const outcome =
      policy.kind === 'reject'
        ? await this.#reject(callId, policy.status)
        : await this.#answer(callId, addressOf(headers), policy)
    const assistant = policy.kind === 'assistant' && { assistant: policy.name }
    log.info('sideband.call.incoming', { call_id: callId, outcome, ...assistant })
    return outcome
  }

  async #reject(callId: string, status: number): Promise<Outcome> {
    return (await this.#options.calls.reject(callId, status)) ? 'rejected' : 'gone'
  }

  async #answer(
    callId: string,
    address: string,
    policy: Exclude<CallPolicy, { kind: 'reject' }>,
  ): Promise<Outcome> {
    const answer = this.#answerOf(policy)
    if (answer === null) return this.#reject(callId, serviceUnavailable)
    const { greeting, ...session } = answer
    const answering = {
      callId,
      ...session,
      owner: telephoneOwner,
      account: `credential:${telephoneOwner}`,
      address,
    }
    try {
      await this.#options.admit(answering)
      const record = await this.#answerPatiently(answering)
      if (greeting !== null)
        this.#options.send(record, { type: 'response.create', response: { instructions: greeting } })
      return 'answered'
    } catch (fault) {
      if (!(fault instanceof GatewayError)) throw fault
      if (fault.code === 'call_not_found') return 'gone'
      if (fault.code === 'limit_reached') return this.#reject(callId, busyHere)
      // The caller hears that nobody answers, rather than a line that rings on.
      const { calls } = this.#options
      await calls
        .reject(callId, serviceUnavailable)
        .catch(() => calls.hangUp(callId))
        .catch(() => undefined)
      throw fault
    }
  }

  /** @returns null for an assistant whose folder is not there any more, or that has no instructions for telephones */
  #answerOf(policy: Exclude<CallPolicy, { kind: 'reject' }>): Answer | null {
    if (policy.kind === 'accept') return policy
    const assistant = this.#options.assistants.find(policy.name)
    if (assistant === null) return null
    try {
      return this.#assisted(assistant)
    } catch (fault) {
      // A template that fails is logged where it is rendered, and fails again for each delivery of the webhook.
      if (fault instanceof GatewayError) return null
      throw fault
    }
  }

  /** Whoever wrote the policy gave the assistant to callers: its own `access` is about credentials. */
  #assisted(assistant: Assistant): Answer {
    const { settings, deployment } = this.#options
    const made = assistantSessionSettings(assistant, settings, { caller: telephoneOwner, language: '' })
    return {
      session: { ...sessionFields(made, 'ga'), model: assistant.deployment ?? deployment },
      assistant: assistant.name,
      isPinned: assistant.isPinned,
      greeting: greetingOf(assistant, made.instructions),
    }
  }

  /** Tries again while upstream may yet do it: the caller waits. */
  async #answerPatiently(answering: Parameters<typeof answerCall>[1]): Promise<CallRecord> {
    const startedAt = performance.now()
    let wasAsked = false
    for (;;) {
      try {
        return await answerCall(this.#options, { ...answering, wasAsked })
      } catch (fault) {
        const isPassing = fault instanceof GatewayError && fault.code.startsWith('upstream_') && fault.retry
        if (!isPassing || performance.now() - startedAt > tryWithinMs) throw fault
        if (fault.upstreamStatus === undefined) wasAsked = true
        await new Promise(resolve => setTimeout(resolve, retryMs))
      }
    }
  }
}

function result(outcome: Outcome | 'pending' | 'ignored' | 'duplicate'): HttpAnswer {
  return jsonAnswer(200, { outcome })
}

function tooBig(): GatewayError {
  return new GatewayError('message_too_big', `The webhook is larger than ${maxWebhookBytes} bytes`)
}

/** Finds what becomes of a call. */
function policyFor(rules: readonly CallRule[], headers: readonly SipHeader[]): CallPolicy {
  const fits = ({ header, matches }: CallRule) =>
    header === null
      ? matches(numberOf(headers, 'to'))
      : headers.some(({ name, value }) => name.toLowerCase() === header && matches(value))
  return rules.find(fits)?.policy ?? { kind: 'reject', status: notFound }
}

/** Callers are counted by the address that their carrier tells, which is kept as a hash: it is somebody's number. */
function addressOf(headers: readonly SipHeader[]): string {
  return `caller:${digest(numberOf(headers, 'from')).slice(0, 16)}`
}

/** Reads the number, or the user's name, of the address in a header: `<sip:+15550199@sip.example>`, `tel:+15550199`. */
function numberOf(headers: readonly SipHeader[], wanted: 'from' | 'to'): string {
  const uri = uriOf(headers.find(({ name }) => name.toLowerCase() === wanted)?.value ?? '')
  return /^(?:tel|sips?):([^;\s@]+)/i.exec(uri)?.[1] ?? uri
}

/** Reads the URI of a name-addr or addr-spec (RFC 3261 section 20.10): the caller writes the name that is displayed. */
function uriOf(value: string): string {
  // A quote that is never closed stays: carriers that do not escape quotes in a name send such values.
  const unquoted = value.replace(/"(?:[^"\\]|\\.?)*("|$)/gs, (all, end) => (end === '' ? all : ''))
  const [, bracketed] = /<([^<>]*)>[^<]*$/.exec(unquoted) ?? []
  return (bracketed ?? unquoted.replace(/;.*/s, '')).trim()
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
