/** What becomes of a turn with tools on `/chat` when its client interrupts it and upstream is lost. */
import test from 'ava'
import { createChat } from '../../runtime/chat/chat.ts'
import { createExchange } from '../limits/exchange.ts'
import { scriptedRunner } from '../tools/scripted-runner.ts'

const settled = async () => {
  for (let turns = 0; turns < 20; turns += 1) await new Promise(resolve => setImmediate(resolve))
}

/** A turn whose tool has run: upstream is asked for the response behind its output. */
async function turnWithTool() {
  const { client, context, chatOptions, ...exchange } = createExchange()
  const runner = scriptedRunner({ order: {} })
  const chat = createChat({ ...chatOptions, toolsFor: () => ({ runner }) })(client, context)
  const { open, event, sent } = exchange
  chat.message(Buffer.from('{"text":"first"}'), false)
  open()
  const call = { id: 'i1', type: 'function_call', name: 'order', call_id: 'c1', arguments: '{}' }
  event({ type: 'response.created', response: { id: 'r1' } })
  event({ type: 'conversation.item.done', item: call })
  event({ type: 'response.output_item.done', response_id: 'r1', item: { ...call, status: 'completed' } })
  event({ type: 'response.done', response: { id: 'r1', status: 'completed', output: [call] } })
  await settled()
  let seen = 0
  /** Types of what upstream was sent since the last look. */
  const news = () => {
    const types = sent().map(({ type }) => type)
    const fresh = types.slice(seen)
    seen = types.length
    return fresh
  }
  return { ...exchange, chat, news }
}

const say = (text: string) => Buffer.from(JSON.stringify({ text }))

test('a message that interrupts the request behind an output is answered by the session that takes over', async t => {
  const { chat, open, event, lose, news, told } = await turnWithTool()
  t.is(news().at(-1), 'response.create')
  chat.message(say('no, wait'), false)
  t.deepEqual(news(), ['conversation.item.create'])
  lose(1001)
  open()
  t.deepEqual(
    news().filter(type => type.startsWith('response.')),
    ['response.create'],
  )
  event({ type: 'response.created', response: { id: 'r2' } })
  t.deepEqual(news(), [])
  event({ type: 'response.output_text.delta', response_id: 'r2', delta: 'yes' })
  t.like(told().at(-1), { type: 'text-delta', value: 'yes' })
  chat.closed(1000, '')
})

test('an answer that was interrupted behind an output is not asked for again when upstream is lost', async t => {
  const { chat, lose, open, news, told } = await turnWithTool()
  chat.message(Buffer.from('{"type":"interrupt"}'), false)
  news()
  lose(1001)
  chat.message(say('second'), false)
  open()
  t.deepEqual(
    news().filter(type => type.startsWith('response.')),
    ['response.create'],
  )
  t.like(
    told().find(({ type }) => type === 'session.renewed'),
    { asked_again: false },
  )
  chat.closed(1000, '')
})

test('a message that interrupts the request behind an output is answered once upstream has ended that', async t => {
  const { chat, event, news } = await turnWithTool()
  chat.message(say('no, wait'), false)
  event({ type: 'conversation.item.added', item: { id: 'i2', type: 'message', role: 'user', content: [] } })
  news()
  event({ type: 'response.created', response: { id: 'r2' } })
  t.deepEqual(news(), ['response.cancel'])
  event({ type: 'response.done', response: { id: 'r2', status: 'cancelled', output: [] } })
  t.is(news().filter(type => type === 'response.create').length, 1)
  chat.closed(1000, '')
})
