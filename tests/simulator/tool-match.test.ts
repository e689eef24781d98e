/** Which tool a sentence means, and with which arguments: the rules of docs/simulator/behaviour.md. */
import test from 'ava'
import { argumentsFor } from '../../runtime/simulator/model/arguments.ts'
import type { ModelOutput, SeenItem } from '../../runtime/simulator/model/model-turn.ts'
import { answer } from '../../runtime/simulator/model/scripted-model.ts'
import { meantTool } from '../../runtime/simulator/model/tool-match.ts'
import type { Tool } from '../../runtime/simulator/protocol/types.ts'

const item = {
  type: 'object',
  properties: {
    sku: { type: 'string', enum: ['house-blend', 'flat-white', 'cinnamon-bun'] },
    size: { type: 'string', enum: ['', 'small', 'medium'], default: '' },
    quantity: { type: 'integer', minimum: 1, maximum: 20, default: 1 },
  },
  required: ['sku'],
}
const nothing = { type: 'object', properties: {} }
const tools: Tool[] = [
  {
    type: 'function',
    name: 'add_item',
    description: 'Adds an item of the menu to the order',
    parameters: item,
  },
  { type: 'function', name: 'place_order', description: 'Places the order', parameters: nothing },
  { type: 'function', name: 'remove_item', description: 'Takes an item out of the order', parameters: item },
  {
    type: 'function',
    name: 'switch',
    description: 'Turns the garden lights',
    parameters: { type: 'object', properties: { to: { enum: ['on', 'off'] } } },
  },
]

const sentences: [words: string, tool: string | undefined, args?: object][] = [
  ["I'd like a flat white, please", 'add_item', { sku: 'flat-white' }],
  ['I want to order two small flat whites', 'add_item', { sku: 'flat-white', size: 'small', quantity: 2 }],
  ['A cinnamon bun and 3 of the house blend', 'add_item', { sku: 'house-blend', quantity: 3 }],
  // A part of a value calls no tool by itself, and is taken for the value where something else does.
  ['A small bun, please', 'add_item', { sku: 'cinnamon-bun', size: 'small' }],
  ['Remove the flat white again', 'remove_item', { sku: 'flat-white' }],
  ['Please take the cinnamon bun out', 'remove_item', { sku: 'cinnamon-bun' }],
  ['Then place the order', 'place_order', {}],
  ['add_item', 'add_item', { sku: 'house-blend' }],
  ['The lights of the garden', 'switch', { to: 'on' }],
  ['Switch it off', 'switch', { to: 'off' }],
  ['Come on, it is a white lie', undefined],
  ['What is in the garden?', undefined],
  ['', undefined],
]
for (const [words, name, args] of sentences)
  test(`"${words}" means ${name ?? 'no tool'}`, t => {
    const tool = meantTool(tools, words)
    t.is(tool?.name, name)
    if (args) t.deepEqual(argumentsFor(tool?.parameters, words), args)
  })

const said = (text: string): SeenItem => ({ kind: 'user', text })
const output = (value: unknown): SeenItem => ({ kind: 'call_output', text: JSON.stringify(value) })
const thoughtsOf = (...memories: SeenItem[]): ModelOutput[] =>
  answer({ instructions: '', memories, tools, toolChoice: 'auto', talksBeforeCalls: false })

test('a listed value that is required is taken from what was said before', t => {
  const [call] = thoughtsOf(said('A flat white'), { kind: 'assistant', text: 'Which size?' }, said('small'))
  t.deepEqual(call, { kind: 'call', name: 'add_item', arguments: '{"sku":"flat-white","size":"small"}' })
})

const inJapanese = {
  instructions:
    '# Menu\n```json\n[{"sku":"flat-white","ja":"フラットホワイト"},{"sku":"cinnamon-bun","ja":"シナモンロール"}]\n```',
  tools: tools.map(tool => {
    const { properties, ...parameters } = tool.parameters as typeof item
    const language = { enum: ['en', 'ja'], default: 'en' }
    return { ...tool, parameters: { ...parameters, properties: { ...properties, language } } }
  }),
}
const japaneseSentences: [words: string, name: string, args: object][] = [
  ['フラットホワイトを一つください', 'add_item', { sku: 'flat-white', quantity: 1, language: 'ja' }],
  [
    'ミディアムのフラットホワイトを２つお願いします',
    'add_item',
    { sku: 'flat-white', size: 'medium', quantity: 2, language: 'ja' },
  ],
  ['シナモンロールをふたつ追加', 'add_item', { sku: 'cinnamon-bun', quantity: 2, language: 'ja' }],
  ['フラットホワイトを取り消してください', 'remove_item', { sku: 'flat-white', language: 'ja' }],
]
for (const [words, name, args] of japaneseSentences)
  test(`"${words}" calls ${name}`, t => {
    const [call] = answer({
      ...inJapanese,
      memories: [said(words)],
      toolChoice: 'auto',
      talksBeforeCalls: false,
    })
    t.like(call, { kind: 'call', name })
    t.deepEqual(JSON.parse((call as { arguments: string }).arguments), args)
  })

test('an order is placed in Japanese, and what is not known is answered in it', t => {
  const ask = (...words: string[]) =>
    answer({ ...inJapanese, memories: words.map(said), toolChoice: 'auto', talksBeforeCalls: false })[0]
  t.like(ask('以上です。注文を確定してください'), { kind: 'call', name: 'place_order' })
  const hint = '\nデモなので、次の言葉だけ分かります: house blend、フラットホワイト、シナモンロール。'
  t.like(ask('紅茶をください'), { text: `「紅茶をください」ですね。${hint}` })
  // The item of the sentence before, where only its size is said now.
  const [call] = answer({
    ...inJapanese,
    memories: [
      said('フラットホワイトをください'),
      { kind: 'assistant', text: 'サイズは？' },
      said('スモールで'),
    ],
    toolChoice: 'auto',
    talksBeforeCalls: false,
  })
  t.like(call, { name: 'add_item' })
  t.like(JSON.parse((call as { arguments: string }).arguments), { sku: 'flat-white', size: 'small' })
})

const outputs: [output: unknown, said: string][] = [
  [{ total: 520, summary: 'That is 520 yen.' }, 'That is 520 yen.'],
  [{ error: 'tool_failed', message: 'Ask for the size' }, 'Ask for the size'],
  [{ error: 'timeout', message: 'Late' }, 'The tool answered: {"error":"timeout","message":"Late"}'],
  [{ summary: 7 }, 'The tool answered: {"summary":7}'],
  ['clear', 'The tool answered: "clear"'],
]
for (const [value, text] of outputs)
  test(`the output ${JSON.stringify(value)} is told`, t => {
    t.deepEqual(thoughtsOf(said('A flat white'), output(value)), [
      { kind: 'message', text, phase: 'final_answer' },
    ])
  })

test('an item that was named in part before is taken for it where only its size is said now', t => {
  const [call] = thoughtsOf(said('A large bun'), said('a small one'))
  t.like(call, { kind: 'call', name: 'add_item' })
  t.deepEqual(JSON.parse((call as { arguments: string }).arguments), {
    sku: 'cinnamon-bun',
    size: 'small',
    quantity: 1,
  })
})

test('where no tool is meant, the words that would mean one are told', t => {
  const words = '\nI am a demo and know these words: house blend, flat white, cinnamon bun.'
  t.like(thoughtsOf(said('A coffee, please'))[0], { text: `You said: A coffee, please${words}` })
  t.like(thoughtsOf()[0], { text: `Hello! How can I help you today?${words}` })
})
