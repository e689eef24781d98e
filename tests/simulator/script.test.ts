/** A script of a test's: the model says and calls what is written, response by response, in whichever session. */
import test from 'ava'
import { Script } from '../../runtime/simulator/model/script.ts'
import { respond } from './events.ts'
import { createStage, fast } from './stage.ts'
import { talkInText } from './text-talk.ts'

const script = new Script([
  [{ call: 'add_item', arguments: { sku: 'tea' } }, { call: 'add_item' }],
  { say: 'One tea.' },
  { say: 'Goodbye.' },
])
const stage = createStage(test, { ...fast, script })

test.serial(
  'responses take the answers in their order; beside the conversation and after the end the rules answer',
  async t => {
    const first = await talkInText(stage)
    first.send(respond())
    const events = await first.until('response.done')
    const done = events.find(event => event.type === 'response.done')
    t.deepEqual(
      done?.response.output.map((item: Record<string, unknown>) => [item.type, item.name, item.arguments]),
      [
        ['function_call', 'add_item', '{"sku":"tea"}'],
        ['function_call', 'add_item', '{}'],
      ],
    )
    await first.until('rate_limits.updated')
    t.is(await first.answer('repeat after me: no'), 'One tea.')
    const second = await talkInText(stage)
    second.send(respond({ conversation: 'none', input: [] }))
    await second.until('rate_limits.updated')
    t.is(script.left, 1)
    t.is(await second.answer('repeat after me: no'), 'Goodbye.')
    t.is(script.left, 0)
    t.is(await second.answer('repeat after me: yes'), 'yes')
  },
)
