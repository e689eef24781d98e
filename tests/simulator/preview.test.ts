import test from 'ava'
import { order, respond, userText, weatherTool } from './events.ts'
import { createStage, doors } from './stage.ts'

const stage = createStage(test)

test('the preview door speaks the preview dialect', async t => {
  const { until, send, close, next } = await stage.dial(doors.preview)
  const { session } = await next('session.created')
  t.deepEqual(session.modalities, ['audio', 'text'])
  t.is(session.input_audio_format, 'pcm16')
  send({ type: 'session.update', session: { voice: 'echo', temperature: 0.7 } })
  const updated = await next('session.updated')
  t.is(updated.session.voice, 'echo')
  t.is(updated.session.temperature, 0.7)
  send(userText('hi'), respond({ modalities: ['text'] }))
  t.deepEqual(order(await until('response.done')), [
    'conversation.item.created',
    'response.created',
    'response.output_item.added',
    'conversation.item.created',
    'response.content_part.added',
    'response.text.delta',
    'response.text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
  ])
  send({ type: 'session.update', session: { type: 'realtime' } })
  const { error } = await next('error')
  t.is(error.code, 'unknown_parameter')
  t.is(error.param, 'session.type')
  await close()
})

test("the preview's items are announced once and carry their object", async t => {
  const { send, next, close } = await stage.dial(doors.preview)
  await next('session.created')
  const content = [{ type: 'text', text: 'I am the assistant' }]
  send({ type: 'conversation.item.create', item: { type: 'message', role: 'assistant', content } })
  const { item } = await next('conversation.item.created')
  t.is(item.object, 'realtime.item')
  t.deepEqual(item.content, content)
  await close()
})

test("the preview leaves the name of a call to the call's item", async t => {
  const { send, next, reach, close } = await stage.dial(doors.preview)
  await next('session.created')
  send({ type: 'session.update', session: { modalities: ['text'], tools: [weatherTool] } })
  send(userText('what about the weather'), { type: 'response.create' })
  t.is((await reach('response.output_item.added')).item.name, 'get_weather')
  t.false('name' in (await reach('response.function_call_arguments.done')))
  t.is((await reach('response.output_item.done')).item.name, 'get_weather')
  await close()
})

for (const [tool_choice, shown] of [
  ['f', 'f'],
  [{ type: 'function', name: 'f' }, 'f'],
  [{ type: 'function', function: { name: 'f' } }, 'f'],
  [{ type: 'function', function: 'f' }, 'f'],
  ['required', 'required'],
]) {
  test(`the preview takes tool_choice ${JSON.stringify(tool_choice)}`, async t => {
    const { send, next, close } = await stage.dial(doors.preview)
    await next('session.created')
    send({ type: 'session.update', session: { tools: [{ type: 'function', name: 'f' }], tool_choice } })
    t.deepEqual((await next('session.updated')).session.tool_choice, shown)
    await close()
  })
}

test('the preview takes turns without a type, and of type none; what only GA knows is refused', async t => {
  const { send, next, close } = await stage.dial(doors.preview)
  t.is((await next('session.created')).type, 'session.created')
  for (const [turn_detection, type] of [
    [{ threshold: 0.4 }, 'server_vad'],
    [{ type: 'none' }, undefined],
  ]) {
    send({ type: 'session.update', session: { turn_detection } })
    t.is((await next('session.updated')).session.turn_detection?.type, type)
  }
  const mcp = { type: 'mcp', server_label: 's', server_url: 'https://s.example' }
  for (const [session, param] of [
    [{ tracing: 'auto' }, 'session.tracing'],
    [{ tools: [mcp] }, 'session.tools[0].type'],
    [{ voice: { id: 'v' } }, 'session.voice'],
    [{ tool_choice: { type: 'mcp', server_label: 's' } }, 'session.tool_choice.type'],
  ]) {
    send({ type: 'session.update', session })
    t.is((await next('error')).error.param, param)
  }
  await close()
})
