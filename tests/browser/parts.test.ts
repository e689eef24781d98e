import test from 'ava'
import type { ChatMessage, ChatRequest } from '../../runtime/types.ts'
import { readMessage } from '../../web/chat/messages.ts'
import { maxKept, Talk } from '../../web/chat/talk.ts'
import { talkWords } from '../../web/chat/talk-status.ts'
import { retryDelay } from '../../web/page/backoff.ts'
import { createSampleRing } from '../../web/sound/ring.ts'

/** A talk whose line, voice and view write down what is asked of them. */
function createTalk() {
  const sent: ChatRequest[] = []
  const shown: string[] = []
  const heard: string[] = []
  const line = { open: true, send: (request: ChatRequest) => sent.push(request) > 0, ready: () => line.open }
  const voice = {
    heardMs: undefined as number | undefined,
    unlock: () => {},
    beginAnswer: () => heard.push('begin'),
    push: (base64: string) => heard.push(base64),
    finishAnswer: () => heard.push('finish'),
    stop: () => {
      const { heardMs } = voice
      voice.heardMs = undefined
      return heardMs
    },
    playing: () => voice.heardMs !== undefined,
  }
  const asking = { again: () => {} }
  const talk = new Talk(line, voice, {
    question: (text, kept) => shown.push(`${kept ? 'kept' : 'question'} ${text}`),
    keptAreSent: () => shown.push('kept are sent'),
    spoken: () => shown.push('spoken'),
    heard: text => shown.push(`heard ${text}`),
    wordsAreLost: () => {},
    answerBegins: () => shown.push('answer'),
    text: value => shown.push(`text ${value}`),
    transcript: value => shown.push(`transcript ${value}`),
    audio: bytes => shown.push(`${bytes} bytes`),
    answerEnds: (outcome, heardMs) =>
      shown.push(heardMs === undefined ? outcome : `${outcome} at ${heardMs}`),
    status: () => {},
    problem: message => shown.push(`problem ${message}`),
    unanswered: askAgain => {
      shown.push(askAgain ? 'unanswered' : 'say it again')
      asking.again = askAgain ?? (() => {})
    },
    turn: () => {},
  })
  const receive = (...messages: ChatMessage[]) => {
    for (const message of messages) talk.receive(message)
  }
  return { talk, line, voice, sent, shown, heard, asking, receive }
}

const reset: ChatMessage = { type: 'text-reset' }
const ready: ChatMessage = { type: 'status', message: 'Model ready' }
const interrupted: ChatMessage = { type: 'status', message: 'Response interrupted' }
const said = (value: string): ChatMessage => ({ type: 'transcript-delta', value })
const sound = (value: string): ChatMessage => ({ type: 'audio-chunk', value, bytes: 4 })

test('a question and its answer take their turns', t => {
  const { talk, sent, shown, heard, receive } = createTalk()
  talk.say('hello')
  t.true(talk.busy())
  receive(reset, { type: 'text-delta', value: 'Hi' }, said('Hi'), sound('AAAA'), ready)
  t.false(talk.busy())
  t.deepEqual(sent, [{ text: 'hello' }])
  t.deepEqual(shown, ['question hello', 'answer', 'text Hi', 'transcript Hi', '4 bytes', 'complete'])
  t.deepEqual(heard, ['begin', 'AAAA', 'finish'])
})

test('what a stopped answer still sends is neither shown nor heard', t => {
  const { talk, voice, sent, shown, heard, receive } = createTalk()
  talk.say('hello')
  receive(reset, said('Once'))
  voice.heardMs = 120
  talk.stop()
  receive(said(' upon'), sound('LATE'), interrupted)
  t.deepEqual(sent.at(-1), { type: 'interrupt', played_ms: 120 })
  t.deepEqual(shown, ['question hello', 'answer', 'transcript Once', 'interrupted at 120'])
  t.false(heard.includes('LATE'))
})

test('a question stopped before its answer gets none, the next one does', t => {
  const { talk, sent, shown, receive } = createTalk()
  talk.say('hello')
  talk.stop()
  receive(reset, said('late'), interrupted)
  talk.say('again')
  receive(reset, said('here'))
  t.deepEqual(sent, [{ text: 'hello' }, { type: 'interrupt' }, { text: 'again' }])
  t.deepEqual(shown, ['question hello', 'question again', 'answer', 'transcript here'])
})

test('a message during speech carries what was heard and waits for its own answer', t => {
  const { talk, voice, sent, shown, receive } = createTalk()
  talk.say('one')
  receive(reset, said('a'), ready)
  voice.heardMs = 300
  talk.say('two')
  receive(said('late'), interrupted, reset, said('b'), ready)
  t.deepEqual(sent[1], { text: 'two', played_ms: 300 })
  t.deepEqual(shown.slice(4), ['interrupted at 300', 'question two', 'answer', 'transcript b', 'complete'])
})

test('nothing is stopped where nothing goes on', t => {
  const { talk, sent } = createTalk()
  talk.stop()
  t.deepEqual(sent, [])
})

test('a spoken turn is answered, and its words come when they are known', t => {
  const { talk, sent, shown, receive } = createTalk()
  talk.spoken()
  t.true(talk.busy())
  receive(reset, said('Hi'), { type: 'heard', value: 'hello' }, ready)
  t.deepEqual(shown, ['spoken', 'answer', 'transcript Hi', 'heard hello', 'complete'])
  t.deepEqual(sent, [])
})

test('speech that the server hears ends the answer, and is told how much was heard', t => {
  const { talk, voice, sent, shown, receive } = createTalk()
  talk.say('hello')
  receive(reset, said('Once'))
  voice.heardMs = 250
  receive(
    { type: 'speech-started' },
    said('late'),
    interrupted,
    { type: 'speech-stopped' },
    reset,
    said('Yes'),
  )
  t.deepEqual(sent.at(-1), { type: 'played', played_ms: 250 })
  t.deepEqual(shown.slice(3), ['interrupted at 250', 'spoken', 'answer', 'transcript Yes'])
})

test('speech over silence reports nothing', t => {
  const { sent, shown, receive } = createTalk()
  receive({ type: 'speech-started' })
  t.deepEqual([sent, shown], [[], []])
})

test('a lost spoken turn is to be said again, or asked again by its words', t => {
  for (const heard of [false, true]) {
    const { talk, sent, shown, asking, receive } = createTalk()
    talk.spoken()
    if (heard) receive({ type: 'heard', value: 'my words' })
    talk.lineOnLost(false)
    t.is(shown.at(-1), heard ? 'unanswered' : 'say it again')
    asking.again()
    t.deepEqual(sent, heard ? [{ text: 'my words' }] : [])
  }
})

test('the words of the status say whose turn it is', t => {
  const status = {
    mode: 'open',
    isOn: true,
    isConnected: true,
    isHeard: false,
    turn: 'idle',
    isPlaying: false,
  } as const
  for (const [change, words] of [
    [{ mode: 'off' }, ''],
    [{ isOn: false }, 'Opening the microphone'],
    [{ mode: 'held' }, 'You are speaking; let go to send'],
    [{ isConnected: false }, 'Waiting for the connection'],
    [{}, 'Listening'],
    [{ isHeard: true }, 'You are speaking'],
    [{ turn: 'asked' }, 'Thinking'],
    [{ turn: 'answering' }, 'Answering; talk to interrupt'],
    [{ isPlaying: true }, 'Answering; talk to interrupt'],
  ] as const)
    t.is(talkWords({ ...status, ...change }), words)
})

test('messages without a connection are kept and go out once, together', t => {
  const { talk, line, sent, shown } = createTalk()
  line.open = false
  talk.say('one')
  talk.say('two')
  t.deepEqual(sent, [])
  line.open = true
  talk.lineOnOpen()
  talk.lineOnOpen()
  t.deepEqual(sent, [{ text: 'one\ntwo' }])
  t.deepEqual(shown, ['kept one', 'kept two', 'kept are sent'])
})

test('no more than a bounded number of messages is kept', t => {
  const { talk, line } = createTalk()
  line.open = false
  for (let count = 0; count < maxKept; count++) t.true(talk.say('more'))
  t.false(talk.say('too much'))
})

test('an answer that a lost connection cut can be asked for again', t => {
  const { talk, sent, shown, asking, receive } = createTalk()
  talk.say('hello')
  receive(reset, said('Once'))
  talk.lineOnLost(false)
  t.deepEqual(shown.slice(-2), ['lost', 'unanswered'])
  asking.again()
  t.deepEqual(sent, [{ text: 'hello' }, { text: 'hello' }])
})

test('a conversation that goes on gets its answer, or the question that never arrived is asked again', t => {
  for (const answer_due of [true, false]) {
    const { talk, sent, shown, receive } = createTalk()
    talk.say('hello')
    receive(reset, said('Once'))
    talk.lineOnLost(true)
    talk.lineOnOpen()
    receive({ type: 'session.resumed', items: 2, answer_due }, reset, said('Again'), ready)
    t.is(sent.length, answer_due ? 1 : 2)
    t.deepEqual(shown.slice(-4), ['lost', 'answer', 'transcript Again', 'complete'])
  }
})

test('a conversation that cannot go on leaves the question to the person', t => {
  const { talk, sent, shown, asking, receive } = createTalk()
  talk.say('hello')
  talk.lineOnLost(true)
  t.false(shown.includes('unanswered'))
  receive({ type: 'session.resume_failed', reason: 'unknown' })
  t.is(shown.at(-1), 'unanswered')
  asking.again()
  t.is(sent.length, 2)
})

test("an upstream's loss ends the answer, a complaint of the model does not", t => {
  const { talk, shown, receive } = createTalk()
  talk.say('hello')
  receive(reset, { type: 'error', message: 'odd', code: 'invalid_value' }, said('on'))
  receive({ type: 'error', message: 'gone', code: 'upstream_lost' }, said('late'))
  t.deepEqual(shown.slice(2), ['problem odd', 'transcript on', 'problem gone', 'failed'])
  t.false(talk.busy())
})

test('the ring keeps order over its edge and takes no more than it holds', t => {
  const ring = createSampleRing(4)
  const out = new Float32Array(3)
  t.is(ring.write(Int16Array.of(16_384, -16_384, 8192)), 3)
  t.is(ring.read(out.subarray(0, 2)), 2)
  t.is(ring.write(Int16Array.of(1024, 2048, 4096, 1)), 3)
  t.is(ring.length(), 4)
  t.is(ring.read(out), 3)
  t.deepEqual([...out], [0.25, 0.03125, 0.0625])
  ring.clear()
  t.is(ring.read(out), 0)
})

test('waits grow to a bound, half of them jitter, and a move that the server asked for does not wait', t => {
  const bounds = (attempt: number) => [0, 1].map(random => retryDelay(attempt, false, () => random))
  t.deepEqual(bounds(0), [250, 500])
  t.deepEqual(bounds(3), [2000, 4000])
  t.deepEqual(bounds(50), [7500, 15_000])
  t.is(
    retryDelay(0, true, () => 1),
    0,
  )
  t.is(
    retryDelay(1, true, () => 1),
    1000,
  )
})

test('only messages that the page knows are taken from the socket', t => {
  const refused = [
    '{',
    '4',
    'null',
    '{"type":"toString"}',
    '{"type":"text-delta"}',
    '{"type":"text-delta","value":1}',
  ]
  for (const frame of refused) t.is(readMessage(frame), undefined, frame)
  t.is(readMessage(new ArrayBuffer(2)), undefined)
  t.deepEqual(readMessage('{"type":"text-delta","value":"a"}'), { type: 'text-delta', value: 'a' })
})
