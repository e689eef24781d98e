/** Live translation over a WebSocket: what is refused, and how a session ends. */
import test from 'ava'
import { TranslationSession } from '../../runtime/simulator/translation/session.ts'
import { newTranslation } from '../../runtime/simulator/translation/shape.ts'
import { connect } from './conversation.ts'
import { tone } from './events.ts'
import { createStage, fast } from './stage.ts'

const path = '/v1/realtime/translations?model=gpt-realtime-translate'
const stage = createStage(test)
const append = (audio: Buffer) => ({
  type: 'session.input_audio_buffer.append',
  audio: audio.toString('base64'),
})

test('what is no event is refused as in conversations, and the session goes on', async t => {
  const { url } = await stage.simulator()
  const { socket, send, next, reach, close } = await connect(url + path)
  await next('session.created')
  const codes: string[] = []
  for (const frame of ['no json', Buffer.from([1]), '[]', `${'['.repeat(65)}${']'.repeat(65)}`]) {
    socket.send(frame)
    codes.push((await next('error')).error.code)
  }
  t.deepEqual(codes, ['invalid_json', 'invalid_event', 'invalid_event', 'invalid_json'])
  send({ ...append(Buffer.alloc(15 * 1024 * 1024 + 1)), event_id: 'large' })
  t.like((await next('error')).error, { code: 'invalid_value', param: 'audio', event_id: 'large' })
  send(append(tone(200)))
  t.truthy(await reach('session.output_audio.delta'))
  await close()
})

test('a session ends at its limit, as a conversation does', async t => {
  const { url } = await stage.simulator({ ...fast, sessionLifetimeSec: 1 })
  const { next, closed } = await connect(url + path)
  await next('session.created')
  t.like((await next('error')).error, { code: 'session_expired', event_id: null })
  t.is((await closed()).code, 1001)
})

test('a mistake is told to the connection that made it', t => {
  const session = new TranslationSession({
    config: newTranslation('gpt-realtime-translate'),
    seed: 1,
    lifetimeSec: 60,
  })
  const heard: string[] = []
  const wire = (name: string) => ({
    send: (text: string) => heard.push(`${name}: ${JSON.parse(text).type}`),
    close: () => {},
  })
  const [one, other] = [wire('one'), wire('other')]
  session.attach(one)
  session.attach(other)
  session.receive('no json', one)
  t.deepEqual(heard, ['one: error'])
  session.close()
})
