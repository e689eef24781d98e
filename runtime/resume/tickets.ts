/**
 * Resume tickets in the store. Each is a record: `conversation` and `owner` say what it gives back, and to
 * whom; `claim` names the connection that came by it last; `spent` is '' until one was given its conversation;
 * `next` then names the record of the ticket that takes its place, until the client of this connection is known to have
 * it. A client that comes by a spent ticket with a `next` was never told that one, or lost it on the way: it is as good as
 * `next`, until `held` says that somebody has that. One store operation does each step, and of two who come by one ticket one
 * lives. The next record is made while the ticket is spent; where it is missing, whoever comes by the spent ticket makes it,
 * and neither replaces it: at no time is a conversation without a ticket.
 * The store has a ticket's hash alone, so that whoever reads it cannot use one.
 */
import { hash, randomBytes } from 'node:crypto'
import { allOrFirstFault } from '../core/settled.ts'
import type { HeldField, Store } from '../store/store.ts'

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
export async function createTicket(store: Store, entry: TicketEntry): Promise<string> {
  const ticket = randomBytes(ticketBytes).toString('base64url')
  await createRecord(store, keyOf(ticket), entry)
  return ticket
}

/** Another connection may have made the record of a ticket that was lost. */
async function createRecord(
  store: Store,
  key: string,
  { conversation, owner, assistant = '' }: TicketEntry,
): Promise<void> {
  const fields = { conversation, owner, assistant, claim: '', spent: '', next: '', held: '' }
  await store.createUnlessThere(key, fields, ticketLifeMs)
}

/** Prolongs a ticket. @returns false for one that is spent or gone @throws GatewayError `store_unavailable` */
export function renewTicket(store: Store, ticket: string): Promise<boolean> {
  return store.update(keyOf(ticket), { unless: 'spent' }, ticketLifeMs)
}

/** What a ticket was found to be good for. */
export interface ClaimedTicket {
  /** Of the conversation that it gives back; '' where that has none. */
  readonly assistant: string
  /** null: it is spent, or its conversation is another assistant's than was asked for. */
  readonly claim: Claim | null
}

/**
 * Claims a ticket for one connection: an earlier one that has not spent it is fenced off.
 * @param by who asks; `assistant`: only a conversation of this one is asked for, absent: any
 * @returns null for a ticket that is unknown, or somebody else's. What is not claimed stays as it is
 * @throws GatewayError `store_unavailable`
 */
export async function claimTicket(
  store: Store,
  ticket: string,
  by: Pick<TicketEntry, 'owner' | 'assistant'>,
): Promise<ClaimedTicket | null> {
  if (!ticketPattern.test(ticket)) return null
  const fence = randomBytes(ticketBytes).toString('base64url')
  const claimRecord = (key: string, ...when: readonly HeldField[]) =>
    store.updateAndRead(
      key,
      { set: { claim: fence }, unless: 'spent', when: [...when, ...fieldsOf(by)] },
      ticketLifeMs,
    )
  let key = keyOf(ticket)
  let found = await claimRecord(key)
  if (found === null || found.fields.owner !== by.owner) return null
  const { conversation = '', owner, assistant = '' } = found.fields
  const entry = { conversation, owner, assistant }
  for (let lost = 0; ; lost += 1) {
    if (found.isChanged) return { assistant, claim: { ...entry, ticket, key, fence } }
    const { next } = found.fields
    if (!next || lost === maxLostTickets) return { assistant, claim: null }
    key = next
    found = await claimRecord(key, unheld)
    if (found !== null) continue
    // Whoever spent the one before could not make it, or has not yet.
    await createRecord(store, key, entry)
    found = await claimRecord(key, unheld)
    if (found === null) return { assistant, claim: null }
  }
}

const unheld: HeldField = { field: 'held', is: '' }

/** What a record must hold for whoever asks. */
function fieldsOf({ owner, assistant }: Pick<TicketEntry, 'owner' | 'assistant'>): HeldField[] {
  const ofOwner = { field: 'owner', is: owner }
  return assistant === undefined ? [ofOwner] : [ofOwner, { field: 'assistant', is: assistant }]
}

/**
 * Spends a claimed ticket, in one step of the store: from then on it stands for the next one. The record of the next one is
 * made at the same time; where that fails it is made by whoever comes by this one again.
 * @returns the next ticket; null where another connection has claimed or spent this one, or it is too old
 * @throws GatewayError `store_unavailable`
 */
export async function spendTicket(store: Store, claim: Claim): Promise<string | null> {
  const next = randomBytes(ticketBytes).toString('base64url')
  const set = { spent: 1, next: keyOf(next) }
  const change = { set, when: [{ field: 'claim', is: claim.fence }], unless: 'spent' }
  const spending = store.update(claim.key, change, ticketLifeMs)
  const [isSpent] = await allOrFirstFault([spending, createRecord(store, keyOf(next), claim)])
  return isSpent ? next : null
}

/**
 * The client has a ticket again: the spent one is good for nothing. May be done twice.
 * @param next that the spent one stands for
 * @returns false where another client has come by the spent ticket meanwhile, and goes on with the conversation
 * @throws GatewayError `store_unavailable`
 */
export async function holdTicket(store: Store, { key }: Claim, next: string): Promise<boolean> {
  const change = { set: { held: 1, claim: '' }, unless: 'spent' }
  const [held] = await allOrFirstFault([
    store.updateAndRead(keyOf(next), change, ticketLifeMs),
    store.update(key, { set: { next: '' } }, ticketLifeMs),
  ])
  // A store that has lost its entries has lost nobody's conversation to another client.
  return held === null || held.isChanged
}

function keyOf(ticket: string): string {
  return `resume:${hash('sha256', ticket)}`
}
