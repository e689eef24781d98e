/** How a call ends and who is told; and that it outlives its control connection. */
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { makeCall, makeSession, request } from './caller.ts'

test('with the control connection gone the call goes on, and can be controlled again', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const url = `${gateway.socketUrl}/sideband/control/${call.sessionId}`
  const first = await converse(t, url)
  await first.until('sideband_connected')
  first.socket.terminate()
  call.send({ type: 'response.create', response: { output_modalities: ['text'] } })
  await call.until('response.done')
  const second = await converse(t, url)
  t.is((await second.next()).type, 'sideband_connected')
})

test('hanging up ends the call, tells the observers, and marks the session', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const url = `${gateway.socketUrl}/sideband/control/${call.sessionId}`
  const control = await converse(t, url)
  await control.until('sideband_connected')
  const answer = await request(`${gateway.url}/sideband/session/${call.sessionId}`, { method: 'DELETE' })
  t.is(answer.status, 200)
  t.like(answer.body, { session_id: call.sessionId, call_id: call.callId })
  t.like((await control.until('call_ended')).at(-1), { type: 'call_ended' })
  t.is((await control.closed).code, 1000)
  await call.closed
  const { body } = await request(`${gateway.url}/sideband/session/${call.sessionId}`)
  t.like(body, { webrtc_connected: false, websocket_connected: false, ended_reason: 'hung up' })
  await gateway.logged('sideband.call.ended', ({ call_id }) => call_id === call.callId)
  t.like(await t.throwsAsync(converse(t, url)), { status: 409 })
  const again = await request(`${gateway.url}/sideband/session/${call.sessionId}`, { method: 'DELETE' })
  t.is(again.status, 200)
})

test('the command hang_up ends the call', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'hang_up' })
  t.like((await control.until('call_ended')).at(-1), { reason: 'hung up' })
  await call.closed
})

test('a call that its last observer hangs up in leaving is marked as ended', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'hang_up' })
  control.socket.close()
  await call.closed
  await gateway.logged('sideband.call.ended')
  const { body } = await request(`${gateway.url}/sideband/session/${call.sessionId}`)
  t.like(body, { webrtc_connected: false, ended_reason: 'hung up' })
})

test('a call that nobody controls is logged and counted when it is hung up, and a session without a call is not', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const unused = await makeSession(gateway.url)
  // Its duration is counted in milliseconds, so there must be some.
  call.send({ type: 'response.create', response: { output_modalities: ['text'] } })
  await call.until('response.done')
  for (const sessionId of [unused, call.sessionId])
    await request(`${gateway.url}/sideband/session/${sessionId}`, { method: 'DELETE' })
  t.is((await gateway.logged('sideband.call.ended')).fields.call_id, call.callId)
  t.is(gateway.lines.filter(({ event }) => event === 'sideband.call.ended').length, 1)
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  t.true(Number(/^gateway_call_seconds_total\{.*\} (\S+)$/m.exec(metrics)?.[1]) > 0)
})

test('when the browser leaves, the control connection is told that the call has ended', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  await call.leave()
  t.like((await control.until('call_ended')).at(-1), { type: 'call_ended', reason: 'upstream ended it' })
  const { fields } = await gateway.logged('sideband.call.ended')
  t.is(fields.call_id, call.callId)
})

test('a drain hands the control connection over and leaves the call alone', async t => {
  const gateway = await gatewayFor(t)
  const call = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${call.sessionId}`)
  await control.until('sideband_connected')
  await gateway.drain()
  t.is((await control.until('server.draining')).at(-1)?.type, 'server.draining')
  t.is((await control.closed).code, 1012)
  call.send({ type: 'response.create', response: { output_modalities: ['text'] } })
  await call.until('response.done')
})
