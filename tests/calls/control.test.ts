/** The control connection of a call: what comes to its observers, and what they may do. */
import test from 'ava'
import { converse, type Message, type Talk } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { patienceMs, until } from '../gateway/within.ts'
import { makeCall, request } from './caller.ts'

type CallEvent = { type: string; [field: string]: unknown }

/** Reads the control connection up to an event of the call. @returns that event */
async function callEvent(
  control: Talk,
  type: string,
  fits: (event: CallEvent) => boolean = () => true,
): Promise<CallEvent> {
  const messages = await control.until(
    'openai_event',
    ({ event }) => (event as CallEvent).type === type && fits(event as CallEvent),
  )
  return messages.at(-1)?.event as CallEvent
}

test('the first message says which call is controlled, and the log says so too', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  const first = await control.next()
  t.like(first, {
    type: 'sideband_connected',
    session_id: call.sessionId,
    call_id: call.callId,
    provider: 'simulator',
  })
  t.is(typeof first.message, 'string')
  t.like((await gateway.logged('sideband.control.connecting')).fields, { websocket_connected: false })
  t.like((await gateway.logged('sideband.control.connected')).fields, {
    webrtc_connected: true,
    websocket_connected: true,
  })
  const { body } = await request(`${gateway.url}/sideband/session/${call.sessionId}`)
  t.true(body.websocket_connected)
})

test('what the browser says comes to the control connection with statistics, without its audio', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  call.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
  })
  call.send({ type: 'response.create' })
  const messages = await control.until(
    'openai_event',
    ({ event }) => (event as CallEvent).type === 'response.done',
  )
  const events = messages.map(({ event }) => (event as CallEvent).type)
  t.true(events.includes('response.output_audio_transcript.done'))
  t.false(events.includes('response.output_audio.delta'))
  t.deepEqual(messages.at(-1)?.stats, { events_from_openai: messages.length, events_to_openai: 0 })
})

test('events and commands of the control connection go to the call', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'update_instructions', instructions: 'Always begin with "Ahoy"' })
  const updated = await callEvent(control, 'session.updated')
  t.is((updated.session as { instructions: string }).instructions, 'Always begin with "Ahoy"')
  control.send({ type: 'send_message', text: 'who are you' })
  const done = await callEvent(control, 'response.output_audio_transcript.done')
  t.regex(String(done.transcript), /^Ahoy/)
  await call.until('response.done')
  control.send(
    '{"type":"conversation.item.create","item":{"type":"message","role":"system","content":[{"type":"input_text","text":"x"}]}}',
  )
  await callEvent(
    control,
    'conversation.item.done',
    ({ item }) => (item as { role: string }).role === 'system',
  )
  control.send({ type: 'heartbeat' })
  await control.until('heartbeat-ack')
})

test('what is no command and no event is answered with what to send', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  for (const bad of ['hello', '[1]', '{}', '{"type":5}', Buffer.from([1]), '{"type":"send_message"}']) {
    control.send(bad)
    t.like(await control.next(), { type: 'error', code: 'bad_request' })
  }
})

test('several observers each get every event once, and the record counts it once', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const url = `${gateway.socketUrl}/sideband/control/${call.sessionId}`
  const [one, two] = [await converse(t, url), await converse(t, url)]
  await Promise.all([one.until('sideband_connected'), two.until('sideband_connected')])
  one.send({ type: 'send_message', text: 'hello' })
  // The last event of an answer: the server's own playing has ended.
  const isDone = ({ event }: Message) => (event as CallEvent).type === 'output_audio_buffer.stopped'
  const seen = await Promise.all([one, two].map(control => control.until('openai_event', isDone)))
  const ids = seen.map(messages => messages.map(({ event }) => (event as CallEvent).event_id))
  t.deepEqual(ids[0], ids[1])
  t.is(new Set(ids[0]).size, ids[0]?.length ?? 0)
  one.socket.close()
  two.socket.close()
  await Promise.all([one.closed, two.closed])
  let body: Record<string, unknown> = {}
  await until(async () => {
    body = (await request(`${gateway.url}/sideband/session/${call.sessionId}`)).body
    return Number(body.events_from_openai) >= (ids[0]?.length ?? 0) && body.websocket_connected === false
  }, 'the events are not counted')
  t.is(Number(body.events_from_openai), ids[0]?.length ?? 0)
  t.is(body.events_to_openai, 2)
  t.like(body, { websocket_connected: false, webrtc_connected: true })
  t.true(Number((body.usage as { output_tokens: number }).output_tokens) > 0)
})

test('an observer that does not read is dropped by name, and neither the call nor the others notice', async t => {
  const gateway = await gatewayFor(t, { CLIENT_BUFFER_KB: '16' })
  const call = await makeCall(t, gateway.url)
  const url = `${gateway.socketUrl}/sideband/control/${call.sessionId}`
  const [slow, quick] = [await converse(t, url), await converse(t, url)]
  await Promise.all([slow.until('sideband_connected'), quick.until('sideband_connected')])
  slow.socket.pause()
  const dropped = gateway.logged('sideband.observer.dropped')
  const long = 'many words '.repeat(4000)
  let waiting = true
  dropped.then(() => {
    waiting = false
  })
  const endsAt = performance.now() + 2 * patienceMs
  while (waiting) {
    if (performance.now() > endsAt) throw new Error('the observer that does not read is not dropped')
    quick.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: long }] },
    })
    await callEvent(quick, 'conversation.item.done')
  }
  t.like((await dropped).fields, { code: 'client_too_slow', session_id: call.sessionId })
  quick.send({ type: 'send_message', text: 'still there?' })
  await callEvent(quick, 'response.done')
})

test('a pinned session is put back when the browser changes it, and the server may still change it', async t => {
  const gateway = await gatewayFor(t, { SIDEBAND_PIN_SESSION: 'true' })
  const call = await makeCall(t, gateway.url, { settings: { instructions: 'Always begin with "Pinned"' } })
  await gateway.logged('sideband.control.connected')
  call.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Say what I want' } })
  const { fields } = await gateway.logged('sideband.session.tampered')
  t.like(fields, { session_id: call.sessionId, action: 'put_back' })
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'send_message', text: 'hello' })
  t.regex(String((await callEvent(control, 'response.output_audio_transcript.done')).transcript), /^Pinned/)
  control.send({ type: 'update_instructions', instructions: 'Always begin with "Server"' })
  await callEvent(control, 'session.updated', ({ session }) =>
    (session as { instructions: string }).instructions.includes('Server'),
  )
  call.send({
    type: 'session.update',
    session: { type: 'realtime', tools: [{ type: 'function', name: 'steal', parameters: {} }] },
  })
  await gateway.logged(
    'sideband.session.tampered',
    () => gateway.lines.filter(({ event }) => event === 'sideband.session.tampered').length === 2,
  )
  const back = await callEvent(
    control,
    'session.updated',
    ({ session }) => (session as { tools: object[] }).tools.length === 0,
  )
  t.is((back.session as { instructions: string }).instructions, 'Always begin with "Server"')
})
