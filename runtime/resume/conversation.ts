/**
 * What was said in a session: words, images, and calls of functions and MCP servers, enough for another upstream session
 * to know it. Read off the session's own events, of either dialect; past audio becomes its transcript.
 *
 * Events come from outside. They are read by `parseFields` alone, which bounds their depth; what is kept of
 * them is bounded in bytes here.
 */
import { randomBytes } from 'node:crypto'
import type { Dialect, Meter } from '../core/ports.ts'
import { ownEventIdPrefix } from '../events/compose.ts'
import { gaName } from '../events/event-names.ts'
import { type Fields, isFields, parseFields } from '../events/fields.ts'
import type { Receipt } from '../session/sent-messages.ts'
import { isClientRole, omitPinnedFields, openPolicy, type SessionPolicy } from '../session/session-policy.ts'
import { revisedText, revisionOf } from '../store/revision.ts'
import { ConfirmedSettings } from './confirmed-settings.ts'
import { type ConversationLimits, conversationLimits } from './conversation-limits.ts'
import { emptyJournal, isEmptyJournal, isToolJournal, type ToolJournal } from './tool-journal.ts'
import { Transcript } from './transcript.ts'
import {
  isGenerated,
  isTranscriptItem,
  itemEvent,
  maxItemIdChars,
  readItem,
  saysSomething,
  type TranscriptItem,
} from './transcript-item.ts'

/** The events that change what was said; all others are passed over by their type alone. */
const telling = new Set([
  'conversation.item.added',
  'conversation.item.done',
  'conversation.item.deleted',
  'conversation.item.input_audio_transcription.completed',
  'response.output_item.done',
])

/** How a conversation stands in the store. */
export interface StoredConversation {
  readonly items: readonly TranscriptItem[]
  readonly settings: Fields | null
  /** Absent in what earlier revisions wrote. */
  readonly settingsKept?: boolean
  /** Absent in what earlier revisions wrote. */
  readonly dropped?: number
  /** Absent in what earlier revisions wrote. */
  readonly answers?: number
  readonly owed: boolean
  /** Absent where it has none, and in what earlier revisions wrote. */
  readonly assistant?: ConversationAssistant
  /** Absent where no tools run on the server, and in what earlier revisions wrote. */
  readonly tools?: ToolJournal
  /** Of its meter; absent in what earlier revisions wrote. */
  readonly account?: object
}

/** The assistant of a conversation, as it last served it. */
export interface ConversationAssistant {
  readonly name: string
  readonly version: string
}

/** A call of a function that has no output. */
export interface UnansweredCall {
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
}

/** Calls among what was said that are complete and have no output. */
export function unansweredCallsOf(items: readonly TranscriptItem[]): UnansweredCall[] {
  const answered = new Set(items.map(({ kind, callId }) => (kind === 'function_call_output' ? callId : null)))
  return items.flatMap(({ kind, done, callId = '', name = '', text }) =>
    kind === 'function_call' && done && callId !== '' && !answered.has(callId)
      ? [{ id: callId, name, arguments: text }]
      : [],
  )
}

/** A conversation in the store, as one of its writes left it. */
export interface StoredText {
  /** Of the text; 0 where it says none, as in what earlier revisions wrote. */
  readonly revision: number
  /** Counts the sessions that went on with the conversation: only the last one may write it. */
  readonly epoch: number
  readonly conversation: StoredConversation
}

/**
 * Reads what `writeStored` wrote, or an earlier revision.
 * @returns `conversation` is null where another revision wrote it in a shape that this one does not read
 */
export function readStored(text: string): Omit<StoredText, 'conversation'> & {
  readonly conversation: StoredConversation | null
} {
  const stored = parseFields(Buffer.from(text))
  const epoch = stored !== null && Number.isSafeInteger(stored.epoch) ? Number(stored.epoch) : 0
  const entry = { revision: revisionOf(text), epoch }
  if (!isStored(stored)) return { ...entry, conversation: null }
  const { revision: _, epoch: __, ...conversation } = stored as StoredConversation & Fields
  return { ...entry, conversation }
}

export function unreadableConversation(): SyntaxError {
  return new SyntaxError('The conversation in the store cannot be read')
}

/** Writes a conversation for the store. */
export function writeStored({ revision, epoch, conversation }: StoredText): string {
  return revisedText(revision, { epoch, ...conversation })
}

/** An event that tells another upstream session a part of a conversation. */
export interface ReplayedMessage extends Receipt {
  readonly type: 'session.update' | 'conversation.item.create'
  /** JSON text, with `eventId` in it. */
  readonly message: string
  readonly eventId: string
}

const replayedSettingsId = `${ownEventIdPrefix}kept_settings`

/** Another revision may have written it in another shape. */
function isStored(stored: unknown): stored is StoredConversation {
  if (!isFields(stored)) return false
  const { items, settings, settingsKept, dropped, answers, owed, assistant, tools } = stored
  return (
    Array.isArray(items) &&
    items.every(isTranscriptItem) &&
    (settings === null || isFields(settings)) &&
    (settingsKept === undefined || typeof settingsKept === 'boolean') &&
    (dropped === undefined || Number.isSafeInteger(dropped)) &&
    (answers === undefined || Number.isSafeInteger(answers)) &&
    typeof owed === 'boolean' &&
    (assistant === undefined || isAssistant(assistant)) &&
    (tools === undefined || isToolJournal(tools))
  )
}

function isAssistant(stored: unknown): stored is ConversationAssistant {
  return isFields(stored) && typeof stored.name === 'string' && typeof stored.version === 'string'
}

export class Conversation {
  readonly #items: Transcript
  readonly #settings: ConfirmedSettings
  /** As it stood in the store, until a session follows. */
  #answers: { readonly isPending: boolean } = { isPending: false }
  #answersEnded = 0
  /** null where it has none. */
  assistant: ConversationAssistant | null = null
  /** Of the tools that run on the server, as it was last committed. */
  journal: ToolJournal = emptyJournal
  /** What the meter of its last session left; a meter reads it with care. */
  #storedAccount: unknown = null
  #meter: Pick<Meter, 'stored' | 'kept'> | null = null
  /** Ids of what a replay told, until upstream has echoed it. */
  #echoes: Set<string> | null = null
  /** Items that no upstream had confirmed when a session was lost, until one does. */
  #retold: WeakSet<TranscriptItem> | null = null

  constructor(limits: ConversationLimits = conversationLimits) {
    this.#items = new Transcript(limits.items)
    this.#settings = new ConfirmedSettings(limits.settings)
  }

  /** Reads a conversation as `toJSON` wrote it. @throws SyntaxError for anything else */
  static restore(text: string): Conversation {
    const stored = readStored(text).conversation
    if (stored === null) throw unreadableConversation()
    const { items, settings, settingsKept = true, dropped = 0, answers = 0, owed } = stored
    const conversation = new Conversation()
    conversation.assistant = stored.assistant ?? null
    conversation.journal = stored.tools ?? emptyJournal
    for (const item of items) conversation.#items.add(item)
    conversation.#items.noteDropped(dropped)
    conversation.#settings.restore(settings, settingsKept)
    const last = items.at(-1)
    // Killed between the answer's last word and its end: it has been given.
    const answered = last?.role === 'assistant' && last.done
    conversation.#answersEnded = answers + (owed && answered ? 1 : 0)
    conversation.#answers = { isPending: owed && !answered }
    conversation.#storedAccount = stored.account ?? null
    return conversation
  }

  /** Items that another session would be told of. */
  get size(): number {
    return [...this.#items].filter(saysSomething).length
  }

  /** Items that were forgotten because the conversation passed its limit. */
  get dropped(): number {
    return this.#items.dropped
  }

  /** What was said, in its order. */
  get items(): Iterable<TranscriptItem> {
    return this.#items
  }

  /** Calls of functions that are complete and have no output yet. */
  get unansweredCalls(): UnansweredCall[] {
    return unansweredCallsOf([...this.#items])
  }

  /** Whether the last thing that was said is the output of a function: a response to it is the same turn's. */
  get endsWithOutput(): boolean {
    return [...this.#items].findLast(({ isNotice }) => isNotice !== true)?.kind === 'function_call_output'
  }

  /** Whether an answer is pending. */
  get owed(): boolean {
    return this.#answers.isPending
  }

  /** Answers that have ended, in all sessions of the conversation. */
  get answersEnded(): number {
    return this.#answersEnded
  }

  /** An answer has ended. */
  noteAnswerEnded(): void {
    this.#answersEnded += 1
  }

  /** From now on a session knows whether an answer is pending. */
  follow(answers: { readonly isPending: boolean }): void {
    this.#answers = answers
  }

  /** From now on a session's meter counts what is used: it knows what was used before. */
  charge(meter: Pick<Meter, 'resume' | 'stored' | 'kept'>): void {
    if (this.#storedAccount !== null) meter.resume(this.#storedAccount)
    this.#storedAccount = null
    this.#meter = meter
  }

  /** It was written to the store, and can be resumed for so long (ms). */
  noteKept(lifeMs: number): void {
    this.#meter?.kept(lifeMs)
  }

  /** False once the client has changed the session in a way that could not be kept. */
  get settingsKept(): boolean {
    return this.#settings.isComplete
  }

  /**
   * Something is on its way to upstream, which has not confirmed it yet.
   * @param item as in `conversation.item.create`
   * @returns what to do when upstream refuses it
   */
  expect(item: unknown): Receipt {
    const said = readItem(item)
    if (said === null) return {}
    const expected = { ...said, unconfirmed: true }
    this.#items.add(expected)
    return { onRefused: () => this.#items.keep(item => item !== expected || !expected.unconfirmed) }
  }

  /** Adds words of the gateway's own, in the name of the system: the next session is told of them with everything else. */
  addNotice(text: string): void {
    this.#items.add({ id: '', kind: 'message', role: 'system', text, isNotice: true, done: true })
  }

  /** Upstream refused an item that it had been told: the oldest one that it has not confirmed. */
  refuseOldest(): void {
    const refused = this.#items.find(({ unconfirmed }) => unconfirmed === true)
    this.#items.keep(item => item !== refused)
  }

  /** A session is lost: what it has not confirmed is told to the next one, and is not confirmed by that alone. */
  noteLost(): void {
    this.#retold ??= new WeakSet()
    for (const item of this.#items) if (item.unconfirmed) this.#retold.add(item)
  }

  /**
   * What no upstream ever confirmed is forgotten, also where it is in a replay: whoever said it was told so. The output of
   * a call that stays is not: the function has run, and a call without an output would be run again.
   */
  forgetUnconfirmed(): void {
    const isConfirmed = (item: TranscriptItem) => !item.unconfirmed && this.#retold?.has(item) !== true
    const calls = new Set<string | undefined>()
    for (const item of this.#items)
      if (item.kind === 'function_call' && isConfirmed(item)) calls.add(item.callId)
    this.#items.keep(
      item => isConfirmed(item) || (item.kind === 'function_call_output' && calls.has(item.callId)),
    )
  }

  /**
   * The client changes the session: what upstream confirms of it is kept.
   * @param session of its `session.update`; anything else cannot be kept
   */
  configure(session: unknown): Receipt {
    const change = this.#settings.ask(session)
    if (change === null) return {}
    return {
      onConfirmed: () => this.#settings.confirm(change),
      onRefused: () => this.#settings.refuse(change),
    }
  }

  /** False once a `session.update` was too large to be kept, or could not be read. */
  get settingsFit(): boolean {
    return this.#settings.isWithinLimits
  }

  /** Takes in one event from upstream. @returns whether it changed anything */
  note(frame: Buffer, type: string | null): boolean {
    const name = type === null ? '' : gaName(type)
    if (!telling.has(name)) return false
    const event = parseFields(frame) ?? {}
    switch (name) {
      case 'conversation.item.deleted':
        this.#items.keep(({ id }) => id !== event.item_id)
        this.#echoes?.delete(String(event.item_id))
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
    if (!isFields(item) || typeof item.id !== 'string') return false
    // GA speaks of an item twice, the preview once.
    return name === 'conversation.item.done' ? this.#echoes.delete(item.id) : this.#echoes.has(item.id)
  }

  /**
   * Writes the events that make another upstream session know all this. What of an answer was cut off in
   * the middle is left out: it is asked for again. So is an output whose function call is forgotten, and what
   * the other session refuses is not told a third time, nor the call of an output that it refuses. Items keep the ids by which the client knows them; one that
   * has none yet, or none that upstream would take, is given one. What the client may not say any more, under another
   * version of its assistant than the one it said it to, is left out.
   */
  replay(dialect: Dialect, policy: SessionPolicy = openPolicy): ReplayedMessage[] {
    this.#settings.lose()
    this.#items.keep(item => item.done || !isGenerated(item))
    if (policy.guardsContext)
      this.#items.keep(
        ({ kind, role, mcp, isNotice }) =>
          kind !== 'message' || mcp !== undefined || isNotice === true || isClientRole(role),
      )
    const ids = new Set<string>()
    for (const item of [...this.#items]) {
      const isGood = item.id !== '' && item.id.length <= maxItemIdChars && !ids.has(item.id)
      const id = isGood ? item.id : `item_${randomBytes(10).toString('hex')}`
      ids.add(id)
      this.#items.change(item, { id, unconfirmed: false })
    }
    // After the ids, which may be longer than those before.
    this.#forgetOrphans()
    this.#echoes = ids
    const kept = this.#settings.fields
    const session = kept === null ? null : omitPinnedFields(kept, policy.fields)
    const items = [...this.#items].map(item => this.#replayItem(item, dialect))
    return [
      ...(session === null ? [] : [this.#replaySettings(session)]),
      ...items.filter(item => item !== null),
    ]
  }

  toJSON(): StoredConversation {
    return this.stored(this.journal)
  }

  /** What the store is given, with a journal that is about to be committed. */
  stored(tools: ToolJournal): StoredConversation {
    const { fields: settings, isComplete: settingsKept } = this.#settings
    const { dropped, owed } = this
    const { assistant } = this
    const account = this.#meter?.stored()
    return {
      items: [...this.#items],
      settings,
      settingsKept,
      dropped,
      answers: this.#answersEnded,
      owed,
      ...(assistant !== null && { assistant }),
      ...(!isEmptyJournal(tools) && { tools }),
      ...(account && { account }),
    }
  }

  #replaySettings(session: Fields): ReplayedMessage {
    const type = 'session.update'
    const eventId = replayedSettingsId
    const message = JSON.stringify({ type, event_id: eventId, session })
    return { type, message, eventId, onRefused: () => this.#settings.drop() }
  }

  #replayItem(item: TranscriptItem, dialect: Dialect): ReplayedMessage | null {
    const eventId = `${ownEventIdPrefix}${item.id}`
    const message = itemEvent(item, dialect, eventId)
    if (message === null) return null
    const onRefused = () => this.#forgetRefused(item)
    return { type: 'conversation.item.create', message, eventId, onRefused }
  }

  /** A call without its output would be run again: it is forgotten with that. */
  #forgetRefused(refused: TranscriptItem): void {
    const { kind, callId } = refused
    const isItsCall = (item: TranscriptItem) =>
      kind === 'function_call_output' && item.kind === 'function_call' && item.callId === callId
    this.#items.keep(item => item !== refused && !isItsCall(item))
  }

  /** Upstream refuses an output whose call it does not know. */
  #forgetOrphans(): void {
    const calls = new Set<string | undefined>()
    for (const { kind, callId } of this.#items) if (kind === 'function_call') calls.add(callId)
    const before = [...this.#items].length
    this.#items.keep(({ kind, callId }) => kind !== 'function_call_output' || calls.has(callId))
    this.#items.noteDropped(before - [...this.#items].length)
  }

  /** An item as upstream has it: new, known by its id, or the confirmation of one that was on its way. */
  #take(item: unknown, name: string): boolean {
    const said = readItem(item)
    if (said === null) return false
    const known = this.#items.find(({ id }) => id !== '' && id === said.id)
    const done = said.done || name !== 'conversation.item.added'
    if (known !== undefined) {
      this.#retold?.delete(known)
      // Upstream's word of an item need not have its images; of a call to a server it has the result.
      const images = known.images ?? said.images
      const mcp = said.mcp ?? known.mcp
      this.#items.change(known, {
        text: said.text || known.text,
        done: known.done || done,
        ...(known.unconfirmed === true && { unconfirmed: false }),
        ...(images !== undefined && { images }),
        ...(mcp !== undefined && { mcp }),
      })
      return true
    }
    // Answers out of band are no part of the conversation; the others were added before.
    if (name === 'response.output_item.done') return false
    const expected = this.#items.find(
      ({ unconfirmed, role, text, mcp }) =>
        unconfirmed === true && role === said.role && text === said.text && mcp?.type === said.mcp?.type,
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
