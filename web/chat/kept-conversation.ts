/**
 * What the chat keeps in the tab (`sessionStorage`): the conversation, the ticket by which the server goes on with it,
 * the draft, and the conversations of this tab before it. It ends with the tab.
 */
import { isOutcome } from './talk-parts.ts'
import type { AnswerRecord, PanelRecord, QuestionRecord, TurnRecord } from './turn-record.ts'

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
  // In a full tab the present is worth more than the past, and something old would be taken for the present.
  while (!write(conversationKey, json)) {
    if (readPast().length > 0) write(pastKey, undefined)
    else if (turns.length > 0) {
      turns.splice(0, Math.ceil(turns.length / 2))
      json = JSON.stringify({ ...conversation, turns })
    } else return void write(conversationKey, undefined)
  }
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
  while (past.length > 0 && (json.length > maxPastChars || !write(pastKey, json))) {
    past.pop()
    json = JSON.stringify(past)
  }
}

function read(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null')
  } catch {
    return null
  }
}

/**
 * @param json undefined forgets the key
 * @returns false in a full tab, and in a browser that keeps nothing: the conversation lasts as long as the page then
 */
function write(key: string, json: string | undefined): boolean {
  try {
    if (json === undefined) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, json)
    return true
  } catch {
    return false
  }
}

function isTurn(value: unknown): value is TurnRecord {
  if (!isFields(value)) return false
  return value.role === 'user' ? isQuestion(value) : value.role === 'assistant' && isAnswer(value)
}

function isQuestion(fields: Record<string, unknown>): fields is Record<string, unknown> & QuestionRecord {
  const { text, isSpoken, isKept, at } = fields
  return (
    typeof text === 'string' && typeof isSpoken === 'boolean' && typeof isKept === 'boolean' && isTime(at)
  )
}

function isAnswer(fields: Record<string, unknown>): fields is Record<string, unknown> & AnswerRecord {
  const { text, transcript, outcome, playedMs, lengthMs, firstMs = 0, panels = [], at } = fields
  const areTexts = typeof text === 'string' && typeof transcript === 'string'
  const areNumbers = [playedMs, lengthMs, firstMs].every(value => typeof value === 'number')
  const arePanels = Array.isArray(panels) && panels.every(isPanel)
  return areTexts && areNumbers && arePanels && isTime(at) && (outcome === undefined || isOutcome(outcome))
}

function isPanel(value: unknown): value is PanelRecord {
  return isFields(value) && typeof value.name === 'string'
}

/** Whether a value is a time that a date can hold (ms since 1970; ECMA-262, "Time Values"). */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(new Date(value).getTime())
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function stringOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
