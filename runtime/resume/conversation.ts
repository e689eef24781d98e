/**
 * What was said in a session, as text: enough for another upstream session to know it. Read off the
 * session's own events, of either dialect; past audio becomes its transcript.
 *
 * Events come from outside. They are read by `parseFields` alone, which bounds their depth; what is kept of
 * them is bounded in bytes here.
 */
import { randomBytes } from 'node:crypto'
import type { Dialect } from '../core/ports.ts'
import { gaName } from '../events/event-names.ts'
import { type Fields, isFields, parseFields } from '../events/fields.ts'
import { type ConversationLimits, conversationLimits } from './conversation-limits.ts'
import { KeptSettings } from './kept-settings.ts'
import { isGenerated, isSaidItem, itemEvent, readItem, type SaidItem } from './said-item.ts'
import { SaidItems } from './said-items.ts'

/** The events that change what was said; all others are passed over by their type alone. */
const telling = new Set([
  'conversation.item.added',
  'conversation.item.done',
  'conversation.item.deleted',
  'conversation.item.input_audio_transcription.completed',
  'response.output_item.done',
])

/** How a conversation stands in the store. */
interface Stored {
  readonly items: readonly SaidItem[]
  readonly settings: Fields | null
  /** Absent in what earlier revisions wrote. */
  readonly settingsKept?: boolean
  readonly owed: boolean
}

/** Another revision may have written it in another shape. */
function isStored(stored: unknown): stored is Stored {
  if (!isFields(stored)) return false
  const { items, settings, settingsKept, owed } = stored
  return (
    Array.isArray(items) &&
    items.every(isSaidItem) &&
    (settings === null || isFields(settings)) &&
    (settingsKept === undefined || typeof settingsKept === 'boolean') &&
    typeof owed === 'boolean'
  )
}

export class Conversation {
  readonly #items: SaidItems
  readonly #settings: KeptSettings
  #asked = false
  #running = 0
  /** Ids that a replay gave, one an item: upstream's word of them is an echo. */
  #echoes: ReadonlySet<string> | null = null

  constructor(limits: ConversationLimits = conversationLimits) {
    this.#items = new SaidItems(limits.items)
    this.#settings = new KeptSettings(limits.settings)
  }

  /** Reads a conversation as `toJSON` wrote it. @throws SyntaxError for anything else */
  static restore(text: string): Conversation {
    const stored: unknown = parseFields(Buffer.from(text))
    if (!isStored(stored)) throw new SyntaxError('The conversation in the store cannot be read')
    const { items, settings, settingsKept = true, owed } = stored
    const conversation = new Conversation()
    for (const item of items) conversation.#items.add(item)
    conversation.#settings.restore(settings, settingsKept)
    const last = items.at(-1)
    // Killed between the answer's last word and its end: it has been given.
    const answered = last?.role === 'assistant' && last.done
    conversation.#asked = owed && !answered
    return conversation
  }

  /** Items that another session would be told of. */
  get size(): number {
    return [...this.#items].filter(({ text }) => text !== '').length
  }

  /** Whether an answer was asked for and has not been finished. */
  get owed(): boolean {
    return this.#asked || this.#running > 0
  }

  /** False once the client has changed the session in a way that could not be kept. */
  get settingsKept(): boolean {
    return this.#settings.isComplete
  }

  /** An answer was asked for. */
  ask(): void {
    this.#asked = true
  }

  /** Nobody waits for an answer any more. */
  forgive(): void {
    this.#asked = false
    this.#running = 0
  }

  /** Something is on its way to upstream, which has not confirmed it yet. @param item as in `conversation.item.create` */
  expect(item: unknown): void {
    const said = readItem(item)
    if (said !== null) this.#items.add({ ...said, unconfirmed: true })
  }

  /** What upstream never confirmed is forgotten: whoever said it was told so. */
  forgetUnconfirmed(): void {
    this.#items.keep(({ unconfirmed }) => !unconfirmed)
  }

  /** The client changed the session. @param session of its `session.update`; anything else cannot be kept */
  configure(session: unknown): void {
    this.#settings.change(session)
  }

  /** Takes in one event from upstream. @returns whether it changed anything */
  note(frame: Buffer, type: string | null): boolean {
    const name = type === null ? '' : gaName(type)
    if (name === 'response.created') {
      this.#asked = false
      this.#running += 1
      return true
    }
    if (name === 'response.done') {
      this.#running = Math.max(0, this.#running - 1)
      return true
    }
    if (!telling.has(name)) return false
    const event = parseFields(frame) ?? {}
    switch (name) {
      case 'conversation.item.deleted':
        this.#items.keep(({ id }) => id !== event.item_id)
        return true
      case 'conversation.item.input_audio_transcription.completed':
        return this.#fill({ id: event.item_id, text: event.transcript })
      default:
        return this.#take(event.item, name)
    }
  }

  /** Whether an event is upstream's echo of what a replay told it, which the client has seen before. */
  isEcho(frame: Buffer, type: string | null): boolean {
    if (this.#echoes === null || type === null) return false
    const name = gaName(type)
    if (name !== 'conversation.item.added' && name !== 'conversation.item.done') return false
    const { item } = parseFields(frame) ?? {}
    return isFields(item) && typeof item.id === 'string' && this.#echoes.has(item.id)
  }

  /**
   * Writes the events that make another upstream session know all this. What of an answer was cut off in
   * the middle is left out: it is asked for again. So is an output whose function call is forgotten.
   */
  replay(dialect: Dialect): string[] {
    this.#items.keep(item => item.done || !isGenerated(item))
    for (const item of [...this.#items])
      this.#items.change(item, { id: `item_${randomBytes(10).toString('hex')}`, unconfirmed: false })
    // After the ids, which may be longer than those before.
    this.#forgetOrphans()
    this.#echoes = new Set([...this.#items].map(({ id }) => id))
    this.#running = 0
    const events = [...this.#items].map(item => itemEvent(item, dialect))
    const session = this.#settings.fields
    const settings = session === null ? [] : [JSON.stringify({ type: 'session.update', session })]
    return [...settings, ...events.filter(event => event !== null)]
  }

  toJSON(): Stored {
    const { fields: settings, isComplete: settingsKept } = this.#settings
    return { items: [...this.#items], settings, settingsKept, owed: this.owed }
  }

  /** Upstream refuses an output whose call it does not know. */
  #forgetOrphans(): void {
    const calls = new Set<string | undefined>()
    for (const { kind, callId } of this.#items) if (kind === 'function_call') calls.add(callId)
    this.#items.keep(({ kind, callId }) => kind !== 'function_call_output' || calls.has(callId))
  }

  /** An item as upstream has it: new, known by its id, or the confirmation of one that was on its way. */
  #take(item: unknown, name: string): boolean {
    const said = readItem(item)
    if (said === null) return false
    const known = this.#items.find(({ id }) => id !== '' && id === said.id)
    const done = said.done || name !== 'conversation.item.added'
    if (known !== undefined) {
      this.#items.change(known, { text: said.text || known.text, done: known.done || done })
      return true
    }
    // Answers out of band are no part of the conversation; the others were added before.
    if (name === 'response.output_item.done') return false
    const expected = this.#items.find(
      ({ unconfirmed, role, text }) => unconfirmed === true && role === said.role && text === said.text,
    )
    if (expected !== undefined) this.#items.change(expected, { id: said.id, done, unconfirmed: false })
    else this.#items.add({ ...said, done })
    return true
  }

  #fill({ id, text }: { id: unknown; text: unknown }): boolean {
    const item = this.#items.find(item => item.id === id)
    if (item === undefined || typeof text !== 'string') return false
    this.#items.change(item, { text })
    return true
  }
}
