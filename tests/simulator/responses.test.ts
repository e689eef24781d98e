import test from 'ava'
import { append, order, respond, silence, textOnly, tone, update, userText, weatherTool } from './events.ts'
import { createStage, doors } from './stage.ts'
import { talkInText } from './text-talk.ts'

const stage = createStage(test)
const textSession = (fields: object = {}) => talkInText(stage, fields)

test('a response outside the conversation leaves no trace in it, and may run beside one in it', async t => {
  const { send, until, close, answer, reach } = await textSession()
  const input = [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'repeat after me: aside' }] },
  ]
  // At once: the first answer is short, and its end does not wait for this test.
  const aside = respond({ conversation: 'none', metadata: { topic: 'aside' }, input })
  send(userText('count to 300'), respond(), aside)
  await until('response.created')
  const created = (await reach('response.created')).response
  t.is(created.conversation_id, null)
  t.deepEqual(created.metadata, { topic: 'aside' })
  const events = [...(await until('response.done')), ...(await until('response.done'))]
  const beside = events.filter(event => event.response_id === created.id || event.response?.id === created.id)
  t.deepEqual(order(beside), [
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
  ])
  t.is(beside.at(-1)?.response.output[0].content[0].text, 'aside')
  await until('rate_limits.updated')
  t.is(await answer('what did I say'), '"count to 300"')
  await close()
})

test('a second response in the conversation is refused while one is active', async t => {
  const { send, close, reach } = await textSession()
  send(userText('count to 500'), respond(), { ...respond(), event_id: 'too-soon' })
  const { response } = await reach('response.created')
  const { error } = await reach('error')
  t.is(error.code, 'conversation_already_has_active_response')
  t.true(error.message.includes(response.id))
  t.is(error.event_id, 'too-soon')
  await close()
})

test('an answer stops at max_output_tokens and says so', async t => {
  const { send, close, reach } = await textSession()
  send(userText('count to 100'), respond({ max_output_tokens: 7 }))
  const { response } = await reach('response.done')
  t.is(response.status, 'incomplete')
  t.deepEqual(response.status_details, { type: 'incomplete', reason: 'max_output_tokens' })
  t.is(response.max_output_tokens, 7)
  t.is(response.usage.output_tokens, 7)
  t.is(response.output[0].status, 'incomplete')
  await close()
})

test('gpt-realtime-2 talks before it calls: two items, interleaved, each with its phase', async t => {
  const client = await stage.dial('/v1/realtime?model=gpt-realtime-2.1')
  const { session } = await client.next('session.created')
  t.is(session.audio.output.voice, 'marin')
  t.is(session.audio.input.turn_detection.silence_duration_ms, 500)
  client.send(update({ ...textOnly, tools: [weatherTool] }), userText('weather in Rome please'), respond())
  const events = await client.until('response.done')
  const { output } = events.at(-1)?.response ?? {}
  t.deepEqual(
    output.map((item: { type: string }) => item.type),
    ['message', 'function_call'],
  )
  t.is(output[0].phase, 'commentary')
  const types = events.map(event => event.type)
  const firstArguments = types.indexOf('response.function_call_arguments.delta')
  t.true(firstArguments < types.lastIndexOf('response.output_text.delta'), 'interleaved')
  t.true(types.indexOf('response.output_text.done') < types.indexOf('response.function_call_arguments.done'))
  await client.close()
})

test('tool_choice demands, forbids or names a function', async t => {
  const tools = [
    { type: 'function', name: 'get_weather', parameters: {} },
    { type: 'function', name: 'play_music', parameters: {} },
  ]
  const { send, close, reach } = await textSession({ tools })
  const firstOutput = async (tool_choice: unknown) => {
    send(userText('what about the weather'), respond({ tool_choice }))
    return (await reach('response.done')).response.output[0]
  }
  t.is((await firstOutput('auto')).name, 'get_weather')
  t.is((await firstOutput('none')).type, 'message')
  t.is((await firstOutput('required')).name, 'get_weather')
  t.is((await firstOutput({ type: 'function', name: 'play_music' })).name, 'play_music')
  await close()
})

test('MCP: tools are listed, a call must be allowed, and its output is quoted', async t => {
  const { send, until, next, close } = await stage.dial()
  await next('session.created')
  const server = { type: 'mcp', server_label: 'library', server_url: 'https://example.com/mcp' }
  const lost = { type: 'mcp', server_label: 'missing_one', server_url: 'https://example.com/none' }
  send(update({ ...textOnly, tools: [server] }))
  t.deepEqual(order(await until('mcp_list_tools.completed')), [
    'session.updated',
    'mcp_list_tools.in_progress',
    'conversation.item.added',
    'conversation.item.done',
    'mcp_list_tools.completed',
  ])
  send(userText('ask the library for books'), respond())
  const request = (await until('rate_limits.updated')).find(event => event.type === 'response.done')?.response
    .output[0]
  t.is(request.type, 'mcp_approval_request')
  const approval = { type: 'mcp_approval_response', approval_request_id: request.id, approve: true }
  send({ type: 'conversation.item.create', item: approval }, respond())
  const events = await until('response.done')
  t.deepEqual(order(events).slice(2, 11), [
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.mcp_call_arguments.delta',
    'response.mcp_call_arguments.done',
    'response.mcp_call.in_progress',
    'response.mcp_call.completed',
    'conversation.item.done',
    'response.output_item.done',
  ])
  const [call, words] = events.at(-1)?.response.output ?? []
  t.is(call.approval_request_id, request.id)
  t.true(words.content[0].text.includes(call.output))
  send(update({ tools: [server, lost] }))
  await until('mcp_list_tools.failed')
  await close()
})

test('an answer to a request for approval goes on by itself, and whoever asks for it, too, is not refused', async t => {
  for (const asks of [false, true]) {
    const { next, until, send, close } = await stage.dial(doors.openai)
    await next('session.created')
    const server = {
      ...{ type: 'mcp', server_label: 'library', tunnel_id: 'tunnel_1' },
      allowed_callers: ['direct'],
    }
    send(update({ ...textOnly, tools: [server] }))
    await until('mcp_list_tools.completed')
    send(userText('ask the library for books'), respond())
    const asked = (await until('response.done')).at(-1)?.response.output[0]
    const approval = { type: 'mcp_approval_response', approval_request_id: asked.id, approve: true }
    send({ type: 'conversation.item.create', item: approval })
    if (asks) send(respond())
    const events = await until('response.done')
    t.false(events.some(({ type }) => type === 'error'))
    t.is(events.at(-1)?.response.output[0].approval_request_id, asked.id)
    await close()
  }
})

for (const [words, answer] of [
  ['count to one hundred', /^one, two, .*, ninety-nine, one hundred$/],
  ['count to a hundred and two please', /, one hundred, one hundred one, one hundred two$/],
  ['Please count to three for me', /^one, two, three$/],
  ['Introduce yourself', /^I am a simulated/],
] as const) {
  test(`"${words}" is answered by ${answer}`, async t => {
    const { next, until, send, close } = await stage.dial(doors.openai)
    await next('session.created')
    send(update(textOnly), userText(words), respond())
    const done = (await until('response.done')).at(-1)
    t.regex(done?.response.output[0].content[0].text, answer)
    await close()
  })
}

for (const [where, options] of [
  ['the session', {}],
  ['the response', { tool_choice: { type: 'function', name: 'absent' } }],
] as const) {
  test(`a forced tool that is not there is refused, and no other one is called: named by ${where}`, async t => {
    const tools = [{ type: 'function', name: 'get_weather' }]
    const forced = where === 'the session' ? { tool_choice: { type: 'function', name: 'absent' } } : {}
    const { send, reach, close, seen } = await textSession({ tools, ...forced })
    send(userText('the weather'), { ...respond(options), event_id: 'mine' })
    t.like((await reach('error')).error, {
      type: 'invalid_request_error',
      code: null,
      message: "Tool choice 'absent' not found in 'tools' parameter.",
      param: where === 'the session' ? 'session.tool_choice' : 'response.tool_choice',
      event_id: 'mine',
    })
    // Nothing has begun, and a response that brings the tool is answered by it.
    t.false(seen.some(({ type }) => type === 'response.created'))
    const absent = { type: 'function', name: 'absent' }
    send(respond({ tools: [absent], tool_choice: absent }))
    t.is((await reach('response.done')).response.output[0].name, 'absent')
    await close()
  })
}

test('a forced MCP server that is not there is refused, and one that is there is taken', async t => {
  const library = { type: 'mcp', server_label: 'library', server_url: 'https://example.com/mcp' }
  const { send, reach, close } = await textSession({ tools: [library] })
  const choose = (server_label: string) => respond({ tool_choice: { type: 'mcp', server_label } })
  send(userText('a book'), choose('absent'))
  t.like((await reach('error')).error, { code: null, param: 'response.tool_choice' })
  send(choose('library'))
  t.is((await reach('response.done')).response.output[0].type, 'mcp_approval_request')
  await close()
})

test('a turn of speech whose session forces a tool that is not there is answered by words', async t => {
  const { send, reach, close } = await textSession({
    tools: [{ type: 'function', name: 'get_weather' }],
    tool_choice: { type: 'function', name: 'absent' },
  })
  send(append(tone(1000)), append(silence(2500)))
  t.is((await reach('response.done')).response.output[0].type, 'message')
  await close()
})
