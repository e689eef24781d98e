/** The café as it ships: the model calls its tools, which run on the server. */
import { join } from 'node:path'
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'

const assistants = join(import.meta.dirname, '../../assistants')

test('placing an order before there is one is refused by the tool, and the model says so', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: assistants, OPENAI_REALTIME_MODEL: 'gpt-realtime' })
  const talk = await converse(t, `${gateway.socketUrl}/chat?assistant=cafe`)
  const ready = (message: object) => 'message' in message && message.message === 'Model ready'
  // It greets first.
  await talk.until('status', ready)
  talk.send({ text: 'place_order' })
  const messages = await talk.until('status', ready)
  t.deepEqual(
    messages.filter(({ type }) => type === 'tool').map(({ name, status }) => [name, status]),
    [
      ['place_order', 'running'],
      ['place_order', 'failed'],
    ],
  )
  const said = messages
    .filter(({ type }) => type === 'transcript-delta' || type === 'text-delta')
    .map(({ value }) => value)
    .join('')
  t.regex(said, /Nothing has been ordered yet/)
})
