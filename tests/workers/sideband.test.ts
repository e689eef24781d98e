/** The calls of one sideband session land on different workers, with no Redis and the embedded simulator. */
import test from 'ava'
import { makeCall } from '../calls/caller.ts'
import { converse, type Message } from '../gateway/converse.ts'
import { ask, severalWorkers } from './several.ts'

/** Enough for chance to give one session to both workers: all on one would be one in 2^19. */
const tries = 20

test('session, offer, control and hang-up on whichever worker', async t => {
  const several = await severalWorkers(t, 2)
  const { url, socketUrl } = several
  const post = async (path: string) => (await ask(`${url}${path}`, { method: 'POST' })).json()
  const workerThat = async (event: string, sessionId: string) =>
    (await several.logged(event, line => line.session_id === sessionId)).worker
  for (let tried = 0; ; tried += 1) {
    if (tried === tries) return t.fail('one worker alone did everything')
    const { session_id: sessionId } = (await post('/sideband/session')) as { session_id: string }
    const call = await makeCall(t, url, { sessionId }).catch(fault => t.log(String(fault)))
    if (call === undefined) continue
    const maker = await workerThat('sideband.session.created', sessionId)
    const caller = await workerThat('sideband.webrtc.connected', sessionId)
    const controls = await Promise.all(
      Array.from({ length: 4 }, () => converse(t, `${socketUrl}/sideband/control/${sessionId}`)),
    )
    for (const control of controls) await control.until('sideband_connected')
    controls[0]?.send({ type: 'send_message', text: 'hello' })
    const isDone = ({ event }: Message) => (event as { type: string }).type === 'response.done'
    for (const control of controls) await control.until('openai_event', isDone)
    const seen = (await (await ask(`${url}/sideband/session/${sessionId}`)).json()) as Message
    t.like(seen, { call_id: call.callId, webrtc_connected: true, websocket_connected: true })
    t.is((await ask(`${url}/sideband/session/${sessionId}`, { method: 'DELETE' })).status, 200)
    for (const control of controls) t.is((await control.closed).code, 1000)
    await call.closed
    const connected = several.lines.filter(
      line => line.event === 'sideband.control.connected' && line.session_id === sessionId,
    )
    if (maker !== caller && new Set(connected.map(({ worker }) => worker)).size === 2) return
  }
})
