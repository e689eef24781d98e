/** Answers that do not end: whoever waits for one is given up on in time, whatever is collected meanwhile. */
import { getEventListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import test from 'ava'
import { readAnswerText } from '../../runtime/upstream/answer-text.ts'
import { collectGarbage, serveAnswer } from '../core/unending-answer.ts'
import { patienceMs, within } from '../gateway/within.ts'

/** Asks as the gateway does: nothing but the signal is kept. */
async function ask(url: string, signal: AbortSignal, maxBytes = 1000): Promise<string> {
  return readAnswerText('upstream', await fetch(url, { signal, redirect: 'error' }), maxBytes, signal)
}

const begin = (response: ServerResponse) => void response.write('{"object":')

test('an answer that does not end is given up, also when garbage was collected before', async t => {
  const { url, left } = await serveAnswer(t, begin)
  const request = new AbortController()
  const reading = ask(url, request.signal)
  await collectGarbage()
  request.abort(new Error('given up'))
  await t.throwsAsync(within(reading, patienceMs, 'it is still read'), { message: 'given up' })
  await left()
})

for (const [what, answer] of [
  ['began', begin],
  ['has a head alone', (response: ServerResponse) => response.flushHeaders()],
] as const) {
  test(`an answer that ${what} and was given up before it is read is not waited for`, async t => {
    const { url, left } = await serveAnswer(t, answer)
    const request = new AbortController()
    const response = await fetch(url)
    request.abort(new Error('given up'))
    const reading = readAnswerText('upstream', response, 1000, request.signal)
    await t.throwsAsync(within(reading, patienceMs, 'it is still read'), { message: 'given up' })
    await left()
  })
}

test('a signal keeps nothing of the answers that were read with it', async t => {
  const { signal } = new AbortController()
  const body = new Response('whole')
  t.is(await readAnswerText('upstream', body, 1000, signal), 'whole')
  t.deepEqual(getEventListeners(signal, 'abort'), [])
})

test('a longer answer than is allowed is given up; one of just that length is read', async t => {
  const { signal } = new AbortController()
  const long = await serveAnswer(t, response => void response.write('x'.repeat(11)))
  await t.throwsAsync(ask(long.url, signal, 10), {
    code: 'upstream_broke_protocol',
    message: /more than 10 bytes/,
  })
  await long.left()
  const exact = await serveAnswer(t, response => void response.end('é'.repeat(5)))
  t.is(await ask(exact.url, signal, 10), 'ééééé')
})

test('an answer without a body is an empty text, and a broken one fails', async t => {
  const { signal } = new AbortController()
  const empty = await serveAnswer(t, response => void response.writeHead(204).end())
  t.is(await ask(empty.url, signal), '')
  const broken = await serveAnswer(t, response => {
    response.writeHead(200, { 'content-length': 100 }).write('half', () => response.destroy())
  })
  await t.throwsAsync(ask(broken.url, signal))
})
