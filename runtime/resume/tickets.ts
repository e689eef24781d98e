/**
 * Resume tickets in the store. Each is a record: `conversation` and `owner` say what it gives back, and to
 * whom; `claim` names the connection that came by it last; `spent` is '' until one was given its conversation;
 * `next` then names the record of the ticket that takes its place, until the client of this connection is known to have
 * it. A client that comes by a spent ticket with a `next` was never told that one, or lost it on the way: it is as good as
 * `next`, until `held` says that somebody has that. The next record is there before the ticket is spent, and one store
 * operation does each step: at no time is a conversation without a ticket, and of two who come by one ticket one lives.
 * The store has a ticket's hash alone, so that whoever reads it cannot use one.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Store } from '../store/store.ts'

/** A ticket can be used for this long after it was last renewed (ms). */
export const ticketLifeMs = 10 * 60_000

const ticketBytes = 24
const ticketPattern = /^[A-Za-z0-9_-]{32}$/

/** So many tickets in a row may be lost on their way to a client. */
const maxLostTickets = 16

/** A ticket that a connection came by; a later one takes it over until it is spent. */
export interface Claim extends TicketEntry {
  /** As the client has it. */
  readonly ticket: string
  /** Of the record that is claimed: the ticket's, or that of the one which was lost on its way to the client. */
  readonly key: string
  /** Tells this connection from others by the same ticket. */
  readonly fence: string
}

export interface TicketEntry {
  /** Id of the conversation. */
  readonly conversation: string
  /** The credential's name; only it may come back. */
  readonly owner: string
  /** Name of its assistant; absent: it has none. */
  readonly assistant?: string | undefined
}

/** Makes a ticket. @throws GatewayError `store_unavailable` */
export async function createTicket(
  store: Store,
  { conversation, owner, assistant = '' }: TicketEntry,
): Promise<string> {
  const ticket = randomBytes(ticketBytes).toString('base64url')
  await store.create(
    keyOf(ticket),
    { conversation, owner, assistant, claim: '', spent: '', next: '', held: '' },
    ticketLifeMs,
  )
  return ticket
}

/** Prolongs a ticket. @returns false for one that is spent or gone @throws GatewayError `store_unavailable` */
export function renewTicket(store: Store, ticket: string): Promise<boolean> {
  return store.update(keyOf(ticket), { unless: 'spent' }, ticketLifeMs)
}

/**
 * Finds the assistant of the conversation that a ticket gives back; the ticket stays as it is.
 * @returns '' where it has none; null for a ticket that is unknown or somebody else's
 * @throws GatewayError `store_unavailable`
 */
export async function assistantOfTicket(store: Store, ticket: string, owner: string): Promise<string | null> {
  if (!ticketPattern.test(ticket)) return null
  const entry = await store.read(keyOf(ticket))
  return entry?.conversation === undefined || entry.owner !== owner ? null : (entry.assistant ?? '')
}

/**
 * Claims a ticket for one connection: an earlier one that has not spent it is fenced off.
 * @returns null for a ticket that is unknown, spent, or somebody else's, which stays as it is
 * @throws GatewayError `store_unavailable`
 */
export async function claimTicket(store: Store, ticket: string, owner: string): Promise<Claim | null> {
  if (!ticketPattern.test(ticket)) return null
  let key = keyOf(ticket)
  for (let lost = 0; lost <= maxLostTickets; lost += 1) {
    const entry = await store.read(key)
    if (entry?.conversation === undefined || entry.owner !== owner) return null
    const fence = randomBytes(ticketBytes).toString('base64url')
    const isLost = lost === 0 ? {} : { when: { field: 'held', is: '' } }
    if (await store.update(key, { set: { claim: fence }, unless: 'spent', ...isLost }, ticketLifeMs))
      return { ticket, key, fence, conversation: entry.conversation, owner, assistant: entry.assistant }
    if (!entry.next) return null
    key = entry.next
  }
  return null
}

/**
 * Spends a claimed ticket, in one step of the store: from then on it stands for the next one.
 * @returns the next ticket; null where another connection has claimed or spent this one, or it is too old
 * @throws GatewayError `store_unavailable`
 */
export async function spendTicket(store: Store, claim: Claim): Promise<string | null> {
  const { key, fence } = claim
  const next = await createTicket(store, claim)
  const set = { spent: 1, next: keyOf(next) }
  const change = { set, when: { field: 'claim', is: fence }, unless: 'spent' }
  return (await store.update(key, change, ticketLifeMs)) ? next : null
}

/**
 * The client has a ticket again: the spent one is good for nothing. May be done twice.
 * @param next that the spent one stands for
 * @returns false where another client has come by the spent ticket meanwhile, and goes on with the conversation
 * @throws GatewayError `store_unavailable`
 */
export async function holdTicket(store: Store, { key }: Claim, next: string): Promise<boolean> {
  const change = { set: { held: 1, claim: '' }, unless: 'spent' }
  const isHeld = await store.update(keyOf(next), change, ticketLifeMs)
  // A store that has lost its entries has lost nobody's conversation to another client.
  const isFree = isHeld || (await store.read(keyOf(next))) === null
  await store.update(key, { set: { next: '' } }, ticketLifeMs)
  return isFree
}

function keyOf(ticket: string): string {
  return `resume:${createHash('sha256').update(ticket).digest('hex')}`
}
