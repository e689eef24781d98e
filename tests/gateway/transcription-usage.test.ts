/** What transcriptions cost is counted, and a drain waits for the words that upstream owes. */
import test from 'ava'
import { append, tone } from '../simulator/events.ts'
import { converse, type Talk } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const completed = 'conversation.item.input_audio_transcription.completed'

async function say(talk: Talk, model: string): Promise<void> {
  const session = {
    type: 'transcription',
    audio: { input: { transcription: { model }, turn_detection: null } },
  }
  talk.send({ type: 'session.update', session })
  await talk.until('session.updated')
  talk.send(append(tone(1500)))
  talk.send({ type: 'input_audio_buffer.commit' })
  await talk.until(completed)
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name}\\S* (\\S+)$`, 'm').exec(text)?.[1])
}

test('seconds and tokens are counted as upstream tells them', async t => {
  const gateway = await gatewayFor(t)
  const path = `${gateway.socketUrl}/v1/realtime?intent=transcription`
  await say(await converse(t, path), 'gpt-realtime-whisper')
  t.is(await metric(gateway.url, 'gateway_transcription_seconds_total'), 2)
  t.is(await metric(gateway.url, 'gateway_transcription_input_tokens_total'), 0)
})

test('the words of a conversation count, too', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const session = await upstream.session()
  session.send({
    type: completed,
    usage: { type: 'tokens', input_tokens: 7, output_tokens: 5, total_tokens: 12 },
  })
  await talk.until(completed)
  t.is(await metric(gateway.url, 'gateway_transcription_input_tokens_total'), 7)
  t.is(await metric(gateway.url, 'gateway_transcription_output_tokens_total'), 5)
})

for (const usage of [
  { type: 'tokens', input_tokens: 15, output_tokens: 15, total_tokens: 30 },
  { type: 'duration', seconds: 3 },
]) {
  test(`the tokens of a day are spent by transcriptions: ${usage.type}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '30' })
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    const session = await upstream.session()
    session.send({ type: completed, usage })
    t.like((await talk.until('error')).at(-1), { error: { code: 'limit_reached' } })
    t.is((await talk.closed).code, 1008)
  })
}

test('a drain ends a transcription when the words of what was committed have come', async t => {
  const upstream = await fakeUpstream(t, { greeting: { type: 'transcription_session.created', session: {} } })
  const gateway = await gatewayFor(t, { ...upstream.env, AZURE_OPENAI_API_VERSION: '2025-04-01-preview' })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  const session = await upstream.session()
  for (const type of ['input_audio_buffer.speech_started', 'input_audio_buffer.committed'])
    session.send({ type })
  await talk.until('input_audio_buffer.committed')
  const drained = gateway.drain()
  await talk.until('server.draining')
  session.send({ type: completed, transcript: 'the last words' })
  t.is((await talk.until(completed)).at(-1)?.transcript, 'the last words')
  t.is((await talk.closed).code, 1012)
  await drained
})
