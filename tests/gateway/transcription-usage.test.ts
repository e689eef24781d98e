/** What transcriptions cost is counted, and a drain waits for the words that upstream owes. */
import test, { type ExecutionContext } from 'ava'
import { append, silence, tone } from '../simulator/events.ts'
import { converse, type Talk } from './converse.ts'
import { fakeUpstream, gatewayFor, type TestGateway } from './start.ts'

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

/** What a gateway says that it has counted, once a session has ended. */
async function countedSeconds(gateway: TestGateway, talk: Talk): Promise<unknown> {
  talk.socket.close()
  const { fields } = await gateway.logged('session.ended')
  const [row] = fields.usage as { transcription_seconds: number }[]
  return row?.transcription_seconds ?? 0
}

const live = {
  type: 'transcription',
  audio: { input: { transcription: { model: 'gpt-live-transcribe' }, turn_detection: null } },
}

const delta = 'conversation.item.input_audio_transcription.delta'

/** Speaks for 3 s to a model that writes down what is said while it is said. */
async function speakLive(t: ExecutionContext) {
  const gateway = await gatewayFor(t, { SIMULATOR_RATE: '1' })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  talk.send({ type: 'session.update', session: live })
  await talk.until('session.updated')
  talk.send(append(tone(3000)))
  return { gateway, talk }
}

test('who has read all words and leaves before upstream says that they were all has paid for them', async t => {
  const { gateway, talk } = await speakLive(t)
  talk.send({ type: 'input_audio_buffer.commit' })
  await talk.until('input_audio_buffer.committed')
  t.is(await countedSeconds(gateway, talk), 3)
})

async function uncommitted(t: ExecutionContext) {
  const spoken = await speakLive(t)
  await spoken.talk.until(delta)
  return spoken
}

test('who reads words as they are said and never commits has paid for them', async t => {
  const { gateway, talk } = await uncommitted(t)
  t.is(await countedSeconds(gateway, talk), 3)
  t.is(await metric(gateway.url, 'gateway_transcription_seconds_total'), 3)
})

test('who reads words as they are said and then clears what was said has paid for them', async t => {
  const { gateway, talk } = await uncommitted(t)
  talk.send({ type: 'input_audio_buffer.clear' })
  await talk.until('input_audio_buffer.cleared')
  t.is(await metric(gateway.url, 'gateway_transcription_seconds_total'), 3)
  t.is(await countedSeconds(gateway, talk), 3)
})

for (const [format, seconds] of [
  ['audio/pcm', 1],
  ['audio/pcmu', 6],
] as const)
  test(`the words of a conversation count as they are said, too: ${format}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, upstream.env)
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
    talk.send(append(tone(1000)))
    const session = await upstream.session()
    await session.next()
    const input = { format: { type: format }, transcription: { model: 'gpt-live-transcribe' } }
    session.send({ type: 'session.updated', session: { audio: { input } } })
    session.send({ type: delta, item_id: 'item_1', delta: 'one' })
    await talk.until(delta)
    t.is(await countedSeconds(gateway, talk), seconds)
  })

test('sound that no words came of is not counted', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  talk.send({ type: 'session.update', session: live })
  await talk.until('session.updated')
  talk.send(append(silence(3000)))
  talk.send({ type: 'input_audio_buffer.clear' })
  await talk.until('input_audio_buffer.cleared')
  t.is(await countedSeconds(gateway, talk), 0)
})

test('a turn has the price of the model that wrote it down, whatever the session has changed to meanwhile', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  talk.send(append(tone(100)))
  const session = await upstream.session()
  const writtenBy = (model: string) =>
    session.send({ type: 'session.updated', session: { audio: { input: { transcription: { model } } } } })
  writtenBy('dear')
  session.send({ type: 'input_audio_buffer.committed', item_id: 'item_1' })
  writtenBy('cheap')
  session.send({ type: completed, item_id: 'item_1', usage: { type: 'duration', seconds: 3 } })
  await talk.until(completed)
  talk.socket.close()
  const { fields } = await gateway.logged('session.ended')
  t.like(fields, { usage: [{ deployment: 'dear', transcription_seconds: 3 }] })
})
