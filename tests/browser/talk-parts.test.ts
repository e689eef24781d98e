/** The talk of the chat page, without the page: whose turn it is, and what a lost connection leaves of it. */
import test from 'ava'
import type { ChatMessage } from '../../runtime/core/wire.ts'
import { heardChars, wordCut } from '../../web/chat/spoken-words.ts'
import { maxKept } from '../../web/chat/talk.ts'
import { restingStatus, talkState } from '../../web/chat/talk-status.ts'
import { createTalk, interrupted, partEnd, ready, reset, said, sound } from './_talk.ts'

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

test('the end of one item of an answer is told before the next begins', t => {
  const { talk, shown, receive } = createTalk()
  talk.say('weather')
  receive(reset, said('One moment.'), partEnd, said('It rains.'), partEnd, ready, partEnd)
  t.deepEqual(shown.slice(2), [
    'transcript One moment.',
    'part ends',
    'transcript It rains.',
    'part ends',
    'complete',
  ])
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

test('one state says whose turn it is, whatever else goes on', t => {
  const typing = { ...restingStatus, isConnected: true }
  const talking = { ...typing, mode: 'open', isOn: true } as const
  for (const [status, words] of [
    [restingStatus, 'Waiting for the connection'],
    [typing, 'Ready'],
    [{ ...typing, turn: 'asked' }, 'Thinking'],
    [{ ...typing, turn: 'asked', isSlow: true }, 'The model has not answered yet'],
    [{ ...typing, turn: 'asked', tool: 'add_item' }, 'Working: {tool}'],
    [{ ...typing, turn: 'answering' }, 'Answering'],
    [{ ...typing, turn: 'answering', isPlaying: true }, 'Speaking'],
    [{ ...typing, isPlaying: true }, 'Speaking'],
    // What has come sounds on without a connection: nobody is told that the page waits.
    [{ ...restingStatus, isPlaying: true }, 'Speaking'],
    [{ ...talking, isOn: false }, 'Opening the microphone'],
    [{ ...talking, mode: 'held' }, 'You are speaking; let go to send'],
    [{ ...talking, isConnected: false }, 'Waiting for the connection'],
    [talking, 'Listening'],
    [{ ...talking, isHeard: true }, 'You are speaking'],
    [{ ...talking, turn: 'asked' }, 'Thinking'],
    [{ ...talking, isPlaying: true }, 'Speaking; talk to interrupt'],
  ] as const)
    t.is(talkState(status)[1], words)
})

test('an answer that another session begins anew leaves no half one open', t => {
  const { talk, shown, receive } = createTalk()
  talk.say('hello')
  receive(reset, said('Once'))
  receive({ type: 'session.renewed', items: 1, asked_again: true })
  t.true(talk.busy())
  receive(reset, said('Again'), ready)
  t.deepEqual(shown.slice(2), [
    'transcript Once',
    'restarted',
    'restarted',
    'answer',
    'transcript Again',
    'complete',
  ])
})

test('an answer that begins in the midst of another ends that one', t => {
  const { talk, shown, receive } = createTalk()
  talk.say('hello')
  receive(reset, said('Once'), reset, said('Again'), ready)
  t.deepEqual(shown.slice(2), ['transcript Once', 'restarted', 'answer', 'transcript Again', 'complete'])
})

test('an answer that ends right behind an error has failed, and can be asked for again', t => {
  const { talk, sent, shown, asking, receive } = createTalk()
  talk.say('hello')
  receive(reset, { type: 'error', message: 'filtered', code: 'content_filter' }, ready)
  t.deepEqual(shown.slice(2), ['problem filtered', 'failed'])
  t.false(talk.busy())
  asking.again()
  t.deepEqual(sent.at(-1), { text: 'hello' })
})

test('a question that a page before this one asked is answered, or asked again', t => {
  for (const answer_due of [true, false]) {
    const { talk, sent, receive } = createTalk()
    talk.restore('hello', [])
    talk.lineOnOpen()
    receive({ type: 'session.resumed', items: 1, answer_due, answers: 0 })
    t.deepEqual(sent, answer_due ? [] : [{ text: 'hello' }])
    t.true(talk.busy())
  }
})

test('what is due is the question, from its sending to the end of its answer, over a loss', t => {
  const { talk, receive } = createTalk()
  t.is(talk.due, undefined)
  talk.say('count')
  t.is(talk.due, 'count')
  receive(reset, said('One'))
  talk.lineOnLost(true)
  t.is(talk.due, 'count')
  receive({ type: 'session.resumed', items: 1, answer_due: true, answers: 0 })
  t.is(talk.due, 'count')
  receive(reset, said('One'), ready)
  t.is(talk.due, undefined)
  talk.say('more')
  talk.stop()
  t.is(talk.due, undefined)
})

test('an answer that a page before this one left open goes on where it was heard', t => {
  const { talk, voice, sent, shown, heard, receive } = createTalk()
  // 4 bytes are one chunk; of two that had come, one was heard.
  talk.restore('hello', [], { text: '', transcript: 'One two', bytes: 4 })
  talk.lineOnOpen()
  receive({ type: 'session.resumed', items: 1, answer_due: true, answers: 0 }, reset)
  receive(sound('AAAA'), said('One'), said(' two'), sound('BBBB'), said(' three'))
  t.deepEqual(shown, ['goes on', '4 bytes', 'transcript  three'])
  t.deepEqual(heard, ['begin', 'BBBB'])
  voice.heardMs = 100
  talk.stop()
  t.deepEqual(sent, [{ type: 'interrupt', played_ms: 100 + (1000 * 2) / 24_000 }])
})

test('an answer that is another one than the page before had is heard from its start', t => {
  const { talk, shown, heard, receive } = createTalk()
  talk.restore('hello', [], { text: '', transcript: 'One two', bytes: 4 })
  talk.lineOnOpen()
  receive({ type: 'session.resumed', items: 1, answer_due: true, answers: 0 }, reset)
  receive(sound('AAAA'), said('Uno'))
  t.deepEqual(shown, ['restarted', 'answer', '4 bytes', 'transcript Uno'])
  t.deepEqual(heard, ['begin', 'begin', 'AAAA'])
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
    t.deepEqual(shown.slice(-5), ['lost', 'restarted', 'answer', 'transcript Again', 'complete'])
  }
})

/** An answer of which `One, two` and 4 bytes of sound have come, when its connection goes. */
function breakOff() {
  const made = createTalk()
  made.talk.say('count')
  made.receive(reset, said('One, '), said('two'), sound('AAEC'))
  made.shown.length = 0
  made.heard.length = 0
  made.talk.lineOnLost(true)
  made.talk.lineOnOpen()
  return made
}

const goesOn: ChatMessage = { type: 'session.resumed', items: 1, answer_due: true, answers: 0 }
const chunk = (base64: string): ChatMessage => ({
  type: 'audio-chunk',
  value: base64,
  bytes: Buffer.from(base64, 'base64').length,
})

test('an answer that is said again after a loss goes on where it was broken off', t => {
  const { receive, shown, heard, sent } = breakOff()
  receive(
    goesOn,
    reset,
    said('One, '),
    chunk('AAECAwQF'),
    said('two, three'),
    chunk('BgcICQ=='),
    said('.'),
    ready,
  )
  t.deepEqual(shown, [
    'lost',
    'goes on',
    '2 bytes',
    'transcript , three',
    '4 bytes',
    'transcript .',
    'complete',
  ])
  t.deepEqual(heard, ['finish', 'BAU=', 'BgcICQ==', 'finish'])
  t.is(sent.length, 1)
})

test('an answer in other words after a loss is another one, from its first word on', t => {
  const { receive, shown, heard } = breakOff()
  receive(goesOn, reset, said('One, '), chunk('AAECAwQF'), said('then two'), ready)
  t.deepEqual(shown, [
    'lost',
    'restarted',
    'answer',
    'transcript One, ',
    '6 bytes',
    'transcript then two',
    'complete',
  ])
  t.deepEqual(heard, ['finish', 'begin', 'AAECAwQF', 'finish'])
})

test('an answer that ends before the words that had come is another one', t => {
  const { receive, shown } = breakOff()
  receive(goesOn, reset, said('One'), partEnd, ready)
  t.deepEqual(shown, ['lost', 'restarted', 'answer', 'transcript One', 'part ends', 'complete'])
})

test('an answer that is lost again while it is compared goes on after that', t => {
  const { talk, receive, shown } = breakOff()
  receive(goesOn, reset, said('One, '))
  talk.lineOnLost(true)
  receive(goesOn, reset, said('One, two, three'), ready)
  t.deepEqual(shown, ['lost', 'lost', 'goes on', 'transcript , three', 'complete'])
})

test('what was broken off is forgotten where the person says something else', t => {
  const { talk, receive, shown } = breakOff()
  receive(goesOn)
  talk.say('something else')
  receive(reset, said('One, two, three'), ready)
  t.deepEqual(shown, ['lost', 'question something else', 'answer', 'transcript One, two, three', 'complete'])
})

test('an answer that another session says again goes on, and sounds on', t => {
  const { talk, receive, shown, heard } = createTalk()
  talk.say('count')
  receive(reset, said('One, '))
  receive({ type: 'session.renewed', items: 1, asked_again: true }, reset, said('One, '), said('two'), ready)
  t.deepEqual(shown.slice(2), ['transcript One, ', 'restarted', 'goes on', 'transcript two', 'complete'])
  t.deepEqual(heard, ['begin', 'finish', 'finish'])
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

test('what was heard of a transcript is estimated by its sound, and cut between words', t => {
  const half = { chars: 100, lengthMs: 8000, playedMs: 4000 }
  t.is(heardChars({ ...half, isComplete: true }), 50)
  // The transcript has run ahead of its sound: there is more to come than has come.
  t.is(heardChars({ chars: 100, lengthMs: 2000, playedMs: 1200, isComplete: false }), 20)
  t.is(heardChars({ ...half, playedMs: 9000, isComplete: true }), 100)
  t.is(heardChars({ chars: 0, lengthMs: 0, playedMs: 0, isComplete: false }), 0)
  t.is(wordCut('one, two, three', 7), 5)
  t.is(wordCut('one, two, three', 4), 4)
  t.is(wordCut('一、二、三', 3), 3)
  t.is(wordCut('one', 9), 3)
})
