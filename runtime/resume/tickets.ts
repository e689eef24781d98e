/**
 * Resume tickets in the store. Each is a record: `conversation` and `owner` say what it gives back, and to
 * whom; `claim` names the connection that came by it last; `spent` is '' until one was given its conversation.
 * The store has a ticket's hash alone, so that whoever reads it cannot use one.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Store } from '../store/store.ts'

/** A ticket can be used for this long after it was last renewed (ms). */
export const ticketLifeMs = 10 * 60_000

const ticketBytes = 24
const ticketPattern = /^[A-Za-z0-9_-]{32}$/

/** A ticket that a connection came by; a later one takes it over until it is spent. */
export interface Claim {
  readonly ticket: string
  readonly conversation: string
  /** Tells this connection from others by the same ticket. */
  readonly fence: string
}

export interface TicketEntry {
  /** Id of the conversation. */
  readonly conversation: string
  /** The credential's name; only it may come back. */
  readonly owner: string
}

/** Makes a ticket. @throws GatewayError `store_unavailable` */
export async function createTicket(store: Store, { conversation, owner }: TicketEntry): Promise<string> {
  const ticket = randomBytes(ticketBytes).toString('base64url')
  await store.create(keyOf(ticket), { conversation, owner, claim: '', spent: '' }, ticketLifeMs)
  return ticket
}

/** Prolongs a ticket. @returns false for one that is spent or gone @throws GatewayError `store_unavailable` */
export function renewTicket(store: Store, ticket: string): Promise<boolean> {
  return store.update(keyOf(ticket), { unless: 'spent' }, ticketLifeMs)
}

/**
 * Claims a ticket for one connection: an earlier one that has not spent it is fenced off.
 * @returns null for a ticket that is unknown, spent, or somebody else's, which stays as it is
 * @throws GatewayError `store_unavailable`
 */
export async function claimTicket(store: Store, ticket: string, owner: string): Promise<Claim | null> {
  if (!ticketPattern.test(ticket)) return null
  const entry = await store.read(keyOf(ticket))
  if (entry?.conversation === undefined || entry.owner !== owner) return null
  const fence = randomBytes(ticketBytes).toString('base64url')
  const claimed = await store.update(keyOf(ticket), { set: { claim: fence }, unless: 'spent' }, ticketLifeMs)
  return claimed ? { ticket, conversation: entry.conversation, fence } : null
}

/**
 * Spends a claimed ticket, in one step of the store.
 * @returns false where another connection has claimed or spent it, or it is too old
 * @throws GatewayError `store_unavailable`
 */
export function spendTicket(store: Store, { ticket, fence }: Claim): Promise<boolean> {
  const change = { set: { spent: 1 }, when: { field: 'claim', is: fence }, unless: 'spent' }
  return store.update(keyOf(ticket), change, ticketLifeMs)
}

function keyOf(ticket: string): string {
  return `resume:${createHash('sha256').update(ticket).digest('hex')}`
}
