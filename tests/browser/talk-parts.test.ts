/** The talk of the chat page, without the page: whose turn it is, and what a lost connection leaves of it. */
import test from 'ava'
import { maxKept } from '../../web/chat/talk.ts'
import { talkWords } from '../../web/chat/talk-status.ts'
import { createTalk, interrupted, ready, reset, said, sound } from './_talk.ts'

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
    receive({ type: 'session.resumed', items: 2, answer_due, answers: 0 }, reset, said('Again'), ready)
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
