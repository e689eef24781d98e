/** The simulator's scripted model: a few fixed rules that say what the model answers. Tests and examples rely on them. */
import { isFields } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'
import type { Tool, ToolChoice } from '../protocol/types.ts'
import { argumentsFor } from './arguments.ts'
import { isJapanese, type JapaneseNames, namesIn, withEnglish } from './japanese.ts'
import { afterApproval, mcpOutputs } from './mcp.ts'
import type { ModelInput, ModelOutput, SeenItem } from './model-turn.ts'
import { largestNumber, numberInWords, numberOf } from './numbers.ts'
import { meantTool, sayableValues, spokenValue } from './tool-match.ts'

const asksWhoThisIs =
  /\b(introduce yourself|about yourself|(who|what) are you|what can you do|are you (an? )?(real|human|person|robot|bot|ai))\b|^\s*help\W*$/i

const asksWhoThisIsInJapanese = /自己紹介|(何|なに)が(でき|出来)|(あなた|君)は(誰|だれ|何者)/
const japaneseCount = /(\d{1,4}) ?まで数え/

const introduction =
  'I am a simulated voice model: a demo that follows fixed rules, so you need no account. Ask me to count, to repeat after you, or what you said before.'
const introductionInJapanese =
  '決まったルールで答えるデモ用の音声モデルです。「20 まで数えてください」のように話しかけてみてください。'

const asksForJapanese = /^[ \t]*(speak|talk|answer) (in )?japanese\b/im

const hearsNoWords = 'I am a demo and do not understand speech: type, or ask me to count.'

const seesNothing = 'I am a simulated voice model and cannot see what an image shows.'

/** So many of the words that call a tool are told. */
const maxHints = 8

/** So much of a message is remembered, and said at most (characters). */
const maxTextLength = 100_000

/** In so much of it a tool, and arguments for it, are looked for (characters). */
const maxMeaningLength = 4000

/** A value that is missing now is looked for in so many of the user's turns before. */
const maxEarlierWords = 5

/**
 * Answers. The rules, first match wins:
 * an answer to a request to call an MCP server → the call, or not; a tool that `toolChoice` demands → a call; an output of a call just before → its
 * `summary` where it is a JSON object with one, the message of a `tool_failed`, else it is quoted;
 * `repeat after me: X` → exactly X; `what did I say` → all earlier user texts, quoted, joined by ", ";
 * a question of what this is, or can do → two sentences, in English or Japanese; `count to N` → the numbers in words,
 * `N まで数えて` → in figures; the name of a tool or a word of it, a value that its parameters list, or two words of its
 * description → a call of it (`tool-match.ts`);
 * else `You said: …`, or a sentence on the audio heard, or on an image, and the values that required parameters list.
 * A Japanese sentence means the English words of `japanese.ts`, with the names that the instructions give.
 * Instructions with `Always begin with "X"` put X before every spoken answer.
 */
export function answer(question: ModelInput): ModelOutput[] {
  const { instructions, tools, toolChoice } = question
  const memories = question.memories.map(memory => ({
    ...memory,
    text: firstCharacters(memory.text, maxTextLength),
  }))
  const opening = instructions.match(/always begin with "([^"]+)"/i)?.[1]
  const say = (text: string): ModelOutput => ({
    kind: 'message',
    text: firstCharacters(opening === undefined ? text : `${opening} ${text}`, maxTextLength),
    phase: 'final_answer',
  })
  const approved = afterApproval(memories, say)
  if (approved !== null) return approved
  const words = lastUserWords(memories)
  const names = namesIn(instructions)
  const heard = firstCharacters(words, maxMeaningLength)
  const meaning = withEnglish(heard, names)
  const earlier = earlierUserWords(memories).map(said =>
    withEnglish(firstCharacters(said, maxMeaningLength), names),
  )
  const request = { words: heard, meaning, earlier }
  const outputs = freshOutputs(memories)
  const demanded =
    outputs.length === 0 || typeof toolChoice === 'object' ? demandedTool(tools, toolChoice, meaning) : null
  if (demanded !== null) return callOf(demanded, request, question, say)
  if (outputs.length > 0) return [say(toldOutputs(outputs))]
  const scripted = scriptedAnswer(words, memories)
  if (scripted !== null) return [say(scripted)]
  // Who forces a tool wants no other one called.
  const mentioned =
    toolChoice === 'none' || typeof toolChoice === 'object' ? undefined : meantTool(tools, meaning)
  if (mentioned !== undefined) return callOf(mentioned, request, question, say)
  const isFree = typeof toolChoice === 'string' && toolChoice !== 'none'
  const inJapanese = isJapanese(words) || (words === '' && asksForJapanese.test(instructions))
  return [
    say(plainAnswer(memories, inJapanese) + (isFree ? hint(tools, inJapanese ? names : undefined) : '')),
  ]
}

/** What the user said, what it means in English, and what was said before, in English too. */
interface Request {
  readonly words: string
  readonly meaning: string
  readonly earlier: readonly string[]
}

function callOf(
  tool: Tool,
  { words, meaning, earlier }: Request,
  question: ModelInput,
  say: (text: string) => ModelOutput,
): ModelOutput[] {
  if (tool.type === 'mcp') return mcpOutputs(tool, words, say)
  const given = JSON.stringify(argumentsFor(tool.parameters, words, earlier, meaning))
  const call: ModelOutput = { kind: 'call', name: tool.name ?? '', arguments: given }
  if (!question.talksBeforeCalls) return [call]
  const text = isJapanese(words) ? '少々お待ちください。' : 'One moment, let me look that up.'
  return [{ kind: 'message', text, phase: 'commentary' }, call]
}

function demandedTool(tools: readonly Tool[], choice: ToolChoice, words: string): Tool | null {
  if (choice === 'required') return meantTool(tools, words) ?? tools[0] ?? null
  if (typeof choice === 'string') return null
  const named = tools.find(tool =>
    choice.type === 'function' ? tool.name === choice.name : tool.server_label === choice.server_label,
  )
  return named ?? null
}

function scriptedAnswer(words: string, memories: readonly SeenItem[]): string | null {
  const repeated = words.match(/^\s*repeat after me:[ \t]*([\s\S]*)$/i)?.[1]
  if (repeated !== undefined && repeated !== '') return repeated
  if (/what did i say/i.test(words)) return earlierWords(memories)
  if (asksWhoThisIs.test(words)) return introduction
  if (asksWhoThisIsInJapanese.test(words)) return introductionInJapanese
  const limitInJapanese = words.match(japaneseCount)?.[1]
  if (limitInJapanese !== undefined)
    return Array.from(
      { length: Math.min(largestNumber, Number(limitInJapanese)) },
      (_, index) => index + 1,
    ).join('、')
  const limit = firstNumber(words.match(/\bcount to ((?:[\w-]+ ?){1,5})/i)?.[1] ?? '')
  if (limit === null) return null
  return Array.from({ length: limit }, (_, index) => numberInWords(index + 1)).join(', ')
}

/** Reads the number that words begin with, the longest that there is: "one hundred" before "one". */
function firstNumber(words: string): number | null {
  const said = words
    .toLowerCase()
    .replace(/^an? /, 'one ')
    .split(' ')
    .filter(word => word !== 'and' && word !== '')
  for (let count = said.length; count > 0; count -= 1) {
    const value = numberOf(said.slice(0, count).join(' '))
    if (value !== null) return value
  }
  return null
}

function earlierWords(memories: readonly SeenItem[]): string {
  const said = memories.filter(memory => memory.kind === 'user' && memory.text !== '').slice(0, -1)
  return said.length === 0 ? 'You have said nothing yet.' : said.map(memory => `"${memory.text}"`).join(', ')
}

function plainAnswer(memories: readonly SeenItem[], inJapanese: boolean): string {
  const last = memories.findLast(memory => memory.kind === 'user')
  if (last === undefined)
    return inJapanese ? 'こんにちは。ご用件をどうぞ。' : 'Hello! How can I help you today?'
  if (last.heardSec === 0) return 'Are you still there?'
  if (memories.at(-1)?.kind === 'assistant') return 'Is there anything else that I can help you with?'
  if (last.heardSec !== undefined) {
    return `I heard you speak for ${last.heardSec.toFixed(1)} seconds. ${hearsNoWords}`
  }
  if (last.images === undefined) return inJapanese ? `「${last.text}」ですね。` : `You said: ${last.text}`
  return last.text === '' ? seesNothing : `You said: ${last.text}. ${seesNothing}`
}

/**
 * What could be said instead, where tools wait for certain words; a line of its own.
 * @param names in Japanese, where it is to be told so
 */
function hint(tools: readonly Tool[], names?: JapaneseNames): string {
  const values = sayableValues(tools).slice(0, maxHints)
  if (values.length === 0) return ''
  if (names === undefined) return `\nI am a demo and know these words: ${values.map(spokenValue).join(', ')}.`
  const named = values.map(value => names.get(value) ?? spokenValue(value))
  return `\nデモなので、次の言葉だけ分かります: ${named.join('、')}。`
}

function lastUserWords(memories: readonly SeenItem[]): string {
  return memories.findLast(memory => memory.kind === 'user')?.text ?? ''
}

/** What the user said before the last time, the newest first. */
function earlierUserWords(memories: readonly SeenItem[]): string[] {
  return memories
    .filter(({ kind }) => kind === 'user')
    .map(({ text }) => text)
    .slice(-maxEarlierWords - 1, -1)
    .reverse()
}

/** Outputs that were made for people's ears are told as they are, others are quoted. */
function toldOutputs(outputs: readonly string[]): string {
  const told = outputs.map(spokenOutput)
  return told.every(text => text !== undefined) ? told.join(' ') : `The tool answered: ${outputs.join(' ')}`
}

function spokenOutput(output: string): string | undefined {
  const value = readJson(output)
  if (!isFields(value)) return undefined
  const text = value.error === 'tool_failed' ? value.message : value.summary
  return typeof text === 'string' && text !== '' ? text : undefined
}

/** The beginning of a text; no character is cut in two. */
function firstCharacters(text: string, length: number): string {
  if (text.length <= length) return text
  const isCut = /[\uD800-\uDBFF]/.test(text.charAt(length - 1))
  return text.slice(0, isCut ? length - 1 : length)
}

function freshOutputs(memories: readonly SeenItem[]): string[] {
  const since = memories.findLastIndex(memory => memory.kind === 'user' || memory.kind === 'assistant')
  return memories
    .slice(since + 1)
    .filter(memory => memory.kind === 'call_output')
    .map(memory => memory.text)
}
