/** What a session hears when its minutes run out. */
import test from 'ava'
import { createChat } from '../../runtime/chat/chat.ts'
import { createRealtime } from '../../runtime/realtime/realtime.ts'
import { createExchange } from './exchange.ts'

for (const [mode, expected] of [
  ['managed', ['conversation.item.create', 'response.create']],
  ['passthrough', []],
] as const) {
  test(`/realtime in ${mode} mode: the client is told${expected.length > 0 ? ', and the model says goodbye' : '; its conversation is left alone'}`, t => {
    const { client, context, realtimeOptions, told, sent, open } = createExchange()
    const connection = createRealtime({ ...realtimeOptions, mode })(client, context)
    open()
    connection.expiring?.(30_000)
    t.deepEqual(told(), [{ type: 'session.expiring', deadline_ms: 30_000 }])
    t.deepEqual(
      sent().map(message => message.type),
      [...expected],
    )
    if (expected.length > 0) t.regex(JSON.stringify(sent()[0]), /"role":"system".*ends in 30 seconds/)
    connection.closed(1000, '')
  })
}

test('an answer that is under way takes up the goodbye: no second one is asked for', t => {
  const { client, context, realtimeOptions, sent, open, event } = createExchange()
  const connection = createRealtime(realtimeOptions)(client, context)
  open()
  event({ type: 'response.created' })
  connection.expiring?.(30_000)
  t.deepEqual(
    sent().map(message => message.type),
    ['conversation.item.create'],
  )
  connection.closed(1000, '')
})

test('/chat: the client is told and the model says goodbye; without a conversation there is none to end', t => {
  const { client, context, chatOptions, told, sent, open } = createExchange()
  const connection = createChat(chatOptions)(client, context)
  connection.expiring?.(30_000)
  t.deepEqual(told(), [{ type: 'session.expiring', deadline_ms: 30_000 }])
  t.deepEqual(sent(), [])
  connection.message(Buffer.from('{"text":"hello"}'), false)
  open()
  const before = sent().length
  connection.expiring?.(10_000)
  t.regex(JSON.stringify(sent()[before]), /"role":"system".*ends in 10 seconds/)
  connection.closed(1000, '')
})
