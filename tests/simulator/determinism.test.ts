import test from 'ava'
import { connect, type Received } from './conversation.ts'
import { append, respond, silence, textOnly, tone, update, userText } from './events.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)

/** What a simulator says in two sessions, one spoken and one written. */
async function transcriptOf(seed: number, rate: number): Promise<Received[]> {
  const { url } = await stage.simulator({ seed, rate })
  const spoken = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  await spoken.next('session.created')
  spoken.send(update({ audio: { input: { transcription: { model: 'whisper-1' } } } }))
  await spoken.next('session.updated')
  spoken.send(append(Buffer.concat([tone(600), silence(600)])))
  await spoken.until('rate_limits.updated')
  await spoken.close()
  const written = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  await written.next('session.created')
  written.send(update(textOnly))
  await written.next('session.updated')
  written.send(userText('hello'), respond())
  await written.until('rate_limits.updated')
  await written.close()
  return [...spoken.seen, ...written.seen].map(event => {
    if (event.session !== undefined) event.session.expires_at = 0
    return event
  })
}

test('one seed says the same at any pace: ids, padding, words and sound', async t => {
  const once = await transcriptOf(42, 50)
  t.deepEqual(await transcriptOf(42, 400), once)
})

test('another seed says it with other ids', async t => {
  const [one, other] = [await transcriptOf(1, 400), await transcriptOf(2, 400)]
  t.notDeepEqual(one, other)
  t.deepEqual(
    one.map(event => event.type),
    other.map(event => event.type),
  )
})
