/**
 * The journal of a conversation's tools: which calls of the model's were taken in, how far each has come, and what the
 * tools have stored. It is a part of the stored conversation and changes as a whole, by compare-and-set: a change is a
 * function of the newest journal, so that nothing that somebody else committed meanwhile is lost.
 *
 * | status      | what happened                                                                               |
 * |-------------|---------------------------------------------------------------------------------------------|
 * | pending     | taken in, and not run                                                                       |
 * | running     | `owner` runs it, and nobody else may before `leaseUntil`                                    |
 * | interrupted | it ran, and is not known to have finished                                                   |
 * | done        | it has its output, for good                                                                 |
 */
import { randomBytes } from 'node:crypto'
import { type Fields, isFields, maxDepth, parseFields } from '../events/fields.ts'

export interface JournaledToolCall {
  /** The API's `call_id`. */
  readonly id: string
  readonly name: string
  /** JSON text as the model wrote it. */
  readonly arguments: string
  readonly status: 'pending' | 'running' | 'interrupted' | 'done'
  /** How often a run of it has begun. */
  readonly runs: number
  /** Who runs it; one for each connection. Present while it is running. */
  readonly owner?: string
  /** Unix time (ms). Present while it is running. */
  readonly leaseUntil?: number
  /** What the model is told. Present when it is done. */
  readonly output?: string
}

/** The turn that the calls are a part of. */
export interface JournaledTurn {
  /** How many responses of it have called tools. */
  readonly rounds: number
  /** `response` of the request that began it; null where it had none. */
  readonly request: Fields | null
}

/** Runs that began within one second. */
export interface BegunRuns {
  /** Unix time (s). */
  readonly second: number
  readonly runs: number
}

export interface ToolJournal {
  /** In the order in which they were taken in. */
  readonly calls: readonly JournaledToolCall[]
  /** What the tools have stored: a JSON object. */
  readonly state: Fields
  /** Of the state, as its assistant counts its versions. Absent: 1, as in what earlier revisions wrote. */
  readonly stateVersion?: number
  readonly turn: JournaledTurn | null
  /** Runs of the last minute, in any session of the conversation, oldest first. Absent: none. */
  readonly begun?: readonly BegunRuns[]
}

/** The conversation that a journal is stored with, as it is at that moment. */
export interface JournaledConversation {
  /**
   * Whether it has a call without an output that upstream has confirmed: one that is refused yet leaves the call, with
   * which a successor goes on, and has to find how far it has come.
   */
  isUnanswered(callId: string): boolean
  /** Another session goes on with it: what is said here is no part of it any more. */
  readonly isTakenOver: boolean
}

/**
 * Makes the next journal of the newest one. It is called again where somebody else's change came first.
 * @returns the journal itself where there is nothing to change; null gives up
 */
export type JournalChange = (
  newest: ToolJournal,
  conversation: JournaledConversation,
) => ToolJournal | null | Promise<ToolJournal | null>

/** Of a journal whose calls no successor finds in what was said. */
export const unstoredConversation: JournaledConversation = { isUnanswered: () => false, isTakenOver: false }

export const emptyJournal: ToolJournal = { calls: [], state: {}, turn: null }

/** Calls that are kept at once; the oldest that are done are forgotten first. */
export const maxCalls = 64

/** Limit of all calls together, as JSON in UTF-8 (bytes). */
export const maxCallsBytes = 256 * 1024

/** Limit of a call's arguments, as UTF-8 (bytes). */
export const maxArgumentsBytes = 64 * 1024

/** Limit of what one tool tells the model, as UTF-8 (bytes). */
export const maxOutputBytes = 64 * 1024

/** Limit of the state, as JSON in UTF-8 (bytes). */
export const maxStateBytes = 64 * 1024

/** Limit of a request that is repeated in a turn, as JSON in UTF-8 (bytes). */
export const maxRequestBytes = 32 * 1024

/** Levels of objects and lists that a state may have: it is read as a part of the conversation. */
export const maxStateDepth = maxDepth - 8

/** Why something is not taken in; told to the model. */
export type JournalRefusal = 'arguments_too_large' | 'too_many_calls'

/** Version of the state, as its assistant counts them. */
export function stateVersionOf({ stateVersion = 1 }: ToolJournal): number {
  return stateVersion
}

/** The state is of another version. @param state in place of the journal's own */
export function setState(journal: ToolJournal, state: Fields, version: number): ToolJournal {
  const { stateVersion: _, ...others } = journal
  return { ...others, state, ...(version !== 1 && { stateVersion: version }) }
}

export function findCall(journal: ToolJournal, id: string): JournaledToolCall | undefined {
  return journal.calls.find(call => call.id === id)
}

/** Replaces one call. */
export function changeCall(
  journal: ToolJournal,
  id: string,
  change: (call: JournaledToolCall) => JournaledToolCall,
): ToolJournal {
  return { ...journal, calls: journal.calls.map(call => (call.id === id ? change(call) : call)) }
}

/** Takes a call in, behind the others. One that is there already stays as it is. */
export function addToolCall(journal: ToolJournal, call: JournaledToolCall, turn: JournaledTurn): ToolJournal {
  if (findCall(journal, call.id) !== undefined) return journal
  return { ...journal, turn, calls: [...journal.calls, call] }
}

/** Why a call cannot be taken in; null where it can. */
export function refusalOfCall(journal: ToolJournal, call: JournaledToolCall): JournalRefusal | null {
  if (Buffer.byteLength(call.arguments) > maxArgumentsBytes) return 'arguments_too_large'
  const calls = [...journal.calls, call]
  if (calls.length > maxCalls || bytesOf(calls) > maxCallsBytes) return 'too_many_calls'
  return null
}

/** Of the limit of calls a minute (s). */
const minuteSeconds = 60

/** Clocks of two replicas differ by no more (s). */
const clockSkewSeconds = 1

/** Runs that began within the last minute. @param now Unix time (ms) */
export function recentRuns({ begun = [] }: ToolJournal, now: number): readonly BegunRuns[] {
  const at = Math.floor(now / 1000)
  // A clock that was set back must not keep what it counted before for longer than a minute.
  return begun.filter(({ second }) => second > at - minuteSeconds && second <= at + clockSkewSeconds)
}

/** Counts a run that begins. @param now Unix time (ms) */
export function countRun(journal: ToolJournal, now: number): ToolJournal {
  const second = Math.floor(now / 1000)
  const recent = recentRuns(journal, now)
  const runs = 1 + (recent.find(begun => begun.second === second)?.runs ?? 0)
  const others = recent.filter(begun => begun.second !== second)
  return { ...journal, begun: [...others, { second, runs }] }
}

/** Forgets calls whose outputs the model has been told, other than those that have begun and are not known to have finished. */
export function forgetCalls(journal: ToolJournal, isTold: (id: string) => boolean): ToolJournal {
  const calls = journal.calls.filter(({ id, status }) => isBegun(status) || !isTold(id))
  return calls.length === journal.calls.length ? journal : { ...journal, calls }
}

function isBegun(status: JournaledToolCall['status']): boolean {
  return status === 'running' || status === 'interrupted'
}

/** A call runs from now on. */
export function startToolCall(
  journal: ToolJournal,
  id: string,
  { owner, leaseUntil }: { readonly owner: string; readonly leaseUntil: number },
): ToolJournal {
  return changeCall(journal, id, call => {
    return { ...rest(call), status: 'running', runs: call.runs + 1, owner, leaseUntil }
  })
}

/** A call is not known to have finished: its owner is gone, or its time is over. */
export function interruptToolCall(journal: ToolJournal, id: string): ToolJournal {
  return changeCall(journal, id, call => ({ ...rest(call), status: 'interrupted' }))
}

/** A call has its output. */
export function finishToolCall(journal: ToolJournal, id: string, output: string): ToolJournal {
  return changeCall(journal, id, call => ({ ...rest(call), status: 'done', output }))
}

/** Whether a state can be kept. */
export function refusalOfState(state: unknown): 'state_too_large' | 'state_not_object' | null {
  if (!isFields(state)) return 'state_not_object'
  let text: string
  try {
    text = JSON.stringify(state)
  } catch {
    return 'state_not_object'
  }
  if (Buffer.byteLength(text) > maxStateBytes || depthOf(state) > maxStateDepth) return 'state_too_large'
  return null
}

/** Whoever has the journal of one conversation. */
export interface JournalKeeper {
  /** As it was last committed, as far as is known here. */
  readonly journal: ToolJournal
  /** Names the conversation for as long as it lasts, in whichever process. No secret. */
  readonly conversationId: string
  /** Whether a successor would find what is committed. */
  readonly isStored: boolean
  /**
   * @returns the journal as it was committed; null where the change gave up
   * @throws GatewayError `store_unavailable`: it may have been committed or not
   */
  commit(change: JournalChange): Promise<ToolJournal | null>
  /** Reads what others have committed. @throws GatewayError `store_unavailable` */
  refresh(): Promise<void>
}

/** Commits to a journal that nobody else writes. @returns the journal; null where the change gave up */
export async function commitLocally(
  holder: { journal: ToolJournal },
  change: JournalChange,
): Promise<ToolJournal | null> {
  for (;;) {
    const before = holder.journal
    const next = await change(before, unstoredConversation)
    if (next === null) return null
    // Another change came first while this one was made.
    if (holder.journal !== before) continue
    holder.journal = next
    return next
  }
}

/** The journal of a conversation that ends with its connection. */
export class LocalJournal implements JournalKeeper {
  journal: ToolJournal = emptyJournal
  readonly conversationId = randomBytes(16).toString('hex')
  readonly isStored = false

  commit(change: JournalChange): Promise<ToolJournal | null> {
    return commitLocally(this, change)
  }

  async refresh(): Promise<void> {}
}

/** Whether there is anything in it that must be stored. */
export function isEmptyJournal({ calls, state, stateVersion, turn }: ToolJournal): boolean {
  return calls.length === 0 && turn === null && stateVersion === undefined && Object.keys(state).length === 0
}

/** Whether what was stored is a journal; another revision may have written it in another shape. */
export function isToolJournal(stored: unknown): stored is ToolJournal {
  if (!isFields(stored)) return false
  const { calls, state, stateVersion = 1, turn, begun = [] } = stored
  return (
    Array.isArray(calls) &&
    calls.every(isCall) &&
    isFields(state) &&
    Number.isSafeInteger(stateVersion) &&
    (turn === null || isTurn(turn)) &&
    Array.isArray(begun) &&
    begun.every(isBegunRuns)
  )
}

const statuses: ReadonlySet<unknown> = new Set<JournaledToolCall['status']>([
  'pending',
  'running',
  'interrupted',
  'done',
])

function isCall(stored: unknown): stored is JournaledToolCall {
  if (!isFields(stored)) return false
  const { id, name, arguments: given, status, runs, owner, leaseUntil, output } = stored
  return (
    [id, name, given].every(each => typeof each === 'string') &&
    statuses.has(status) &&
    Number.isSafeInteger(runs) &&
    (status !== 'running' || (typeof owner === 'string' && Number.isFinite(leaseUntil))) &&
    (status !== 'done' || typeof output === 'string')
  )
}

function isTurn(stored: unknown): stored is JournaledTurn {
  if (!isFields(stored)) return false
  return Number.isSafeInteger(stored.rounds) && (stored.request === null || isFields(stored.request))
}

function isBegunRuns(stored: unknown): stored is BegunRuns {
  return isFields(stored) && Number.isFinite(stored.second) && Number.isSafeInteger(stored.runs)
}

/** What a call is, without how far it has come. */
function rest({ id, name, arguments: given, runs }: JournaledToolCall) {
  return { id, name, arguments: given, runs }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

/** Deep enough is all that is asked: it stops there. */
function depthOf(state: Fields): number {
  const text = JSON.stringify(state)
  // `parseFields` bounds the depth without recursion.
  if (parseFields(Buffer.from(text)) === null) return Number.POSITIVE_INFINITY
  const measure = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(measure)) : 0
  return measure(state)
}
