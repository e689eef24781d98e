/**
 * What was said in a session, as text: enough for another upstream session to know it. Read off the
 * session's own events, of either dialect; past audio becomes its transcript.
 */
import { randomBytes } from 'node:crypto'
import { gaName } from '../events/dialect.ts'
import { isFields, parseFields } from '../events/fields.ts'
import type { Dialect } from '../types.ts'
import { isGenerated, itemEvent, readItem, type SaidItem } from './said-item.ts'

/** Older items are forgotten beyond this (characters); the newest is always kept. */
export const maxConversationChars = 64 * 1024

/** The events that change what was said; all others are passed over by their type alone. */
const telling = new Set([
  'conversation.item.added',
  'conversation.item.done',
  'conversation.item.deleted',
  'conversation.item.input_audio_transcription.completed',
  'response.output_item.done',
  'response.created',
  'response.done',
])

/** How a conversation stands in the store. */
interface Stored {
  readonly items: readonly SaidItem[]
  readonly settings: Record<string, unknown> | null
  readonly owed: boolean
}

export class Conversation {
  #items: SaidItem[] = []
  /** All `session.update`s of the client, laid over each other. */
  #settings: Record<string, unknown> | null = null
  #asked = false
  #running = 0
  /** Ids that a replay gave: upstream's word of them is an echo. */
  #echoes: ReadonlySet<string> | null = null
  readonly #maxChars: number

  constructor(maxChars = maxConversationChars) {
    this.#maxChars = maxChars
  }

  /** Reads a conversation as `toJSON` wrote it. @throws SyntaxError for anything else */
  static restore(text: string): Conversation {
    const { items, settings, owed } = JSON.parse(text) as Stored
    const conversation = new Conversation()
    conversation.#items = [...items]
    conversation.#settings = settings
    const last = items.at(-1)
    // Killed between the answer's last word and its end: it has been given.
    const answered = last?.role === 'assistant' && last.done
    conversation.#asked = owed && !answered
    return conversation
  }

  /** Items that another session would be told of. */
  get size(): number {
    return this.#items.filter(({ text }) => text !== '').length
  }

  /** Whether an answer was asked for and has not been finished. */
  get owed(): boolean {
    return this.#asked || this.#running > 0
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
    if (said !== null) this.#items.push({ ...said, unconfirmed: true })
    this.#trim()
  }

  /** What upstream never confirmed is forgotten: whoever said it was told so. */
  forgetUnconfirmed(): void {
    this.#items = this.#items.filter(({ unconfirmed }) => !unconfirmed)
  }

  /** The client changed the session. @param session of its `session.update` */
  configure(session: unknown): void {
    if (isFields(session)) this.#settings = merge(this.#settings ?? {}, session)
  }

  /** Takes in one event from upstream. @returns whether it changed anything */
  note(frame: Buffer, type: string | null): boolean {
    const name = type === null ? '' : gaName(type)
    if (!telling.has(name)) return false
    const event = parseFields(frame) ?? {}
    switch (name) {
      case 'response.created':
        this.#asked = false
        this.#running += 1
        return true
      case 'response.done':
        this.#running = Math.max(0, this.#running - 1)
        return true
      case 'conversation.item.deleted':
        this.#items = this.#items.filter(({ id }) => id !== event.item_id)
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
    const whole = this.#items.filter(item => item.done || !isGenerated(item))
    const calls = new Set(whole.filter(({ kind }) => kind === 'function_call').map(({ callId }) => callId))
    this.#items = whole.filter(({ kind, callId }) => kind !== 'function_call_output' || calls.has(callId))
    const echoes = new Set<string>()
    this.#echoes = echoes
    this.#running = 0
    const events = this.#items.map(item => {
      item.id = `item_${randomBytes(10).toString('hex')}`
      item.unconfirmed = false
      echoes.add(item.id)
      return itemEvent(item, dialect)
    })
    const settings =
      this.#settings === null ? [] : [JSON.stringify({ type: 'session.update', session: this.#settings })]
    return [...settings, ...events.filter(event => event !== null)]
  }

  toJSON(): Stored {
    return { items: this.#items, settings: this.#settings, owed: this.owed }
  }

  /** An item as upstream has it: new, known by its id, or the confirmation of one that was on its way. */
  #take(item: unknown, name: string): boolean {
    const said = readItem(item)
    if (said === null) return false
    const known = this.#items.find(({ id }) => id !== '' && id === said.id)
    const done = said.done || name !== 'conversation.item.added'
    if (known !== undefined) {
      if (said.text !== '') known.text = said.text
      known.done ||= done
    } else if (name === 'response.output_item.done') {
      // Answers out of band are no part of the conversation; the others were added before.
      return false
    } else {
      const expected = this.#items.find(
        ({ unconfirmed, role, text }) => unconfirmed && role === said.role && text === said.text,
      )
      if (expected !== undefined) Object.assign(expected, { id: said.id, done, unconfirmed: false })
      else this.#items.push({ ...said, done })
    }
    this.#trim()
    return true
  }

  #fill({ id, text }: { id: unknown; text: unknown }): boolean {
    const item = this.#items.find(item => item.id === id)
    if (item === undefined || typeof text !== 'string') return false
    item.text = text
    this.#trim()
    return true
  }

  #trim(): void {
    let chars = this.#items.reduce((sum, { text }) => sum + text.length, 0)
    while (chars > this.#maxChars && this.#items.length > 1) chars -= this.#items.shift()?.text.length ?? 0
  }
}

/** Lays one object over another, level by level; lists are replaced. */
function merge(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...under }
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name]
    merged[name] = isFields(below) && isFields(value) ? merge(below, value) : value
  }
  return merged
}
