/**
 * What the chat keeps in the tab (`sessionStorage`): the conversation, the ticket by which the server goes on with it,
 * the draft, and the conversations of this tab before it. It ends with the tab.
 */
import type { AnswerRecord, QuestionRecord, TurnRecord } from './turn-record.ts'

export interface KeptConversation {
  turns: TurnRecord[]
  /** The resume ticket; empty where the server gave none. */
  ticket: string
  /** A question whose answer was not complete; missing where nothing is due. '' where its words are not known. */
  due?: string
  assistant: string
}

/** A conversation that is over. */
export interface PastConversation {
  /** When it was put away (ms since 1970). */
  at: number
  turns: TurnRecord[]
}

const conversationKey = 'chat-conversation'
const draftKey = 'chat-draft'
const pastKey = 'chat-past'

/** Characters of JSON that are kept of one conversation; past it the oldest turns go. A tab has about 5 million. */
const maxConversationChars = 1_000_000
/** Characters of JSON that are kept of past conversations together, and how many of them. */
const maxPastChars = 2_000_000
const maxPast = 10

/** @returns undefined where nothing is kept that this page understands */
export function readKept(): KeptConversation | undefined {
  const value = read(conversationKey)
  if (!isFields(value) || !Array.isArray(value.turns)) return undefined
  return {
    turns: value.turns.filter(isTurn),
    ticket: stringOr(value.ticket, ''),
    assistant: stringOr(value.assistant, ''),
    ...(typeof value.due === 'string' && { due: value.due }),
  }
}

/** Keeps a conversation; of a long one the newest turns. */
export function keep(conversation: KeptConversation): void {
  const turns = [...conversation.turns]
  let json = JSON.stringify(conversation)
  while (json.length > maxConversationChars && turns.length > 0) {
    turns.splice(0, Math.ceil(turns.length / 4))
    json = JSON.stringify({ ...conversation, turns })
  }
  write(conversationKey, json)
}

export function forgetKept(): void {
  write(conversationKey, undefined)
}

export function readDraft(): string {
  return stringOr(read(draftKey), '')
}

export function keepDraft(text: string): void {
  write(draftKey, text === '' ? undefined : JSON.stringify(text.slice(0, maxConversationChars)))
}

/** Conversations of this tab that are over, the newest first. */
export function readPast(): PastConversation[] {
  const value = read(pastKey)
  if (!Array.isArray(value)) return []
  return value
    .filter(isFields)
    .map(({ at, turns }) => ({
      at: typeof at === 'number' ? at : 0,
      turns: Array.isArray(turns) ? turns.filter(isTurn) : [],
    }))
    .filter(({ turns }) => turns.length > 0)
}

/** Puts a conversation away; the oldest go where there are too many. */
export function keepPast(turns: readonly TurnRecord[], at: number): void {
  if (turns.length === 0) return
  const past = [{ at, turns }, ...readPast()].slice(0, maxPast)
  let json = JSON.stringify(past)
  while (json.length > maxPastChars && past.length > 0) {
    past.pop()
    json = JSON.stringify(past)
  }
  write(pastKey, json)
}

function read(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null')
  } catch {
    return null
  }
}

/** @param json undefined forgets the key */
function write(key: string, json: string | undefined): void {
  try {
    if (json === undefined) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, json)
  } catch {
    // A browser that keeps nothing, or a full tab: the conversation lasts as long as the page.
  }
}

function isTurn(value: unknown): value is TurnRecord {
  if (!isFields(value)) return false
  return value.role === 'user' ? isQuestion(value) : value.role === 'assistant' && isAnswer(value)
}

function isQuestion(fields: Record<string, unknown>): fields is Record<string, unknown> & QuestionRecord {
  return typeof fields.text === 'string' && typeof fields.isSpoken === 'boolean'
}

function isAnswer(fields: Record<string, unknown>): fields is Record<string, unknown> & AnswerRecord {
  const { text, transcript, panels = [] } = fields
  return typeof text === 'string' && typeof transcript === 'string' && Array.isArray(panels)
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function stringOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
