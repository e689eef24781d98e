/** What clients say, and what is to come back for it: word by word, and sound by sound where the voice is known. */
import { numberInWords } from '../../runtime/simulator/model/numbers.ts'
import type { Script } from './types.ts'

export type Kind = 'repeat' | 'count' | 'weather' | 'number' | 'spoken'

/** The bytes of each audio delta that a text is spoken in. */
export type Voice = (text: string) => readonly number[]

/** What is said in a turn. Every text names its client and its turn, for the model to remember. */
export function textOf(kind: Kind, client: number, turn: number): string {
  const name = `client ${client} turn ${turn}`
  switch (kind) {
    case 'repeat':
      return `repeat after me: ${name}`
    case 'count':
      return `count to ${longAnswer} for ${name}`
    case 'weather':
      return `how is the weather for ${name}`
    case 'number':
      return `take a number for ${name}`
    case 'spoken':
      return ''
  }
}

/** What a call of the server's tool was, and what is known of those before it. */
export interface NumberCall {
  /** The model says that it was interrupted. */
  readonly isInterrupted: boolean
  /** Numbers that the conversation has taken before. */
  readonly taken: number
}

/** What is to be answered; null where the model alone knows. @param call of the kind `number` */
export function answerTo(
  kind: Kind,
  client: number,
  turn: number,
  { isInterrupted, taken }: NumberCall = { isInterrupted: false, taken: 0 },
): string | null {
  switch (kind) {
    case 'repeat':
      return `client ${client} turn ${turn}`
    case 'count':
      return counted
    case 'weather':
      return `The tool answered: ${weatherIn(client, turn)}`
    case 'number': {
      const output = isInterrupted ? { error: 'interrupted', may_have_run: true } : { number: taken + 1 }
      return `The tool answered: ${JSON.stringify(output)}`
    }
    case 'spoken':
      return null
  }
}

export function weatherIn(client: number, turn: number): string {
  return `it rains for client ${client} turn ${turn}`
}

/** Words of a long answer: it is under way when the old revision goes. */
const longAnswer = 90
const counted = Array.from({ length: longAnswer }, (_, place) => numberInWords(place + 1)).join(', ')

/** What the model is asked at the end. */
export const recall = 'what did I say'

/** The turns that a recollection names, as `CLIENT.TURN`. */
export function turnsNamed(transcript: string): string[] {
  const words = wordsOf(transcript).join(' ')
  return [...words.matchAll(/client (\d+) turn (\d+)/g)].map(([, client, turn]) => `${client}.${turn}`)
}

const digits = new Map(Array.from({ length: 1000 }, (_, number) => [numberInWords(number), String(number)]))

/** The words of a text as they are compared: a number is the same in words and in digits. */
export function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}-]+/u)
    .filter(word => word !== '')
    .map(word => digits.get(word) ?? word)
}

/** Of twenty clients, so many do this; six in a row are in every phase. */
export const rotation: readonly Script[] = [
  ...(['idle', 'speaking', 'listening', 'tool', 'connecting', 'sdk', 'turns'] as const),
  ...(['idle', 'speaking', 'idle', 'turns', 'speaking', 'idle', 'speaking'] as const),
  ...(['listening', 'tool', 'turns', 'idle', 'speaking', 'idle'] as const),
]

/** The same with a tool that runs on the server: of twenty clients, four idle ones call it. */
export const rotationWithTools: readonly Script[] = rotation.map((script, place) =>
  script === 'idle' && place > 0 && place < rotation.length - 1 ? 'server tool' : script,
)
