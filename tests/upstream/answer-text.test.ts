/** Answers that do not end: whoever waits for one is given up on in time, whatever is collected meanwhile. */
import { createServer, type ServerResponse } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test, { type ExecutionContext } from 'ava'
import { readAnswerText } from '../../runtime/upstream/answer-text.ts'
import { patienceMs, within } from '../gateway/within.ts'

setFlagsFromString('--expose_gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Collects garbage for as long as it takes to collect what nothing refers to (ms). */
const collectingMs = 300
const stepMs = 20

/** An upstream that answers so. @returns its address, and what resolves when its client has left */
async function upstream(t: ExecutionContext, answer: (response: ServerResponse) => void) {
  const left = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    request.socket.once('close', () => left.resolve())
    answer(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    left: () => within(left.promise, patienceMs, 'the client does not leave'),
  }
}

/** Asks as the gateway does: nothing but the signal is kept. */
async function ask(url: string, signal: AbortSignal, maxBytes = 1000): Promise<string> {
  return readAnswerText('upstream', await fetch(url, { signal, redirect: 'error' }), maxBytes, signal)
}

const begin = (response: ServerResponse) => void response.write('{"object":')

test('an answer that does not end is given up, also when garbage was collected before', async t => {
  const { url, left } = await upstream(t, begin)
  const request = new AbortController()
  const reading = ask(url, request.signal)
  for (let passed = 0; passed < collectingMs; passed += stepMs) {
    await new Promise(resolve => setTimeout(resolve, stepMs))
    collectGarbage()
  }
  request.abort(new Error('given up'))
  await t.throwsAsync(within(reading, patienceMs, 'it is still read'), { message: 'given up' })
  await left()
})

test('an answer that was given up before it is read is not waited for', async t => {
  const { url, left } = await upstream(t, begin)
  const request = new AbortController()
  const answer = await fetch(url)
  request.abort(new Error('given up'))
  await t.throwsAsync(readAnswerText('upstream', answer, 1000, request.signal), { message: 'given up' })
  await left()
})

test('a longer answer than is allowed is given up; one of just that length is read', async t => {
  const { signal } = new AbortController()
  const long = await upstream(t, response => void response.write('x'.repeat(11)))
  await t.throwsAsync(ask(long.url, signal, 10), {
    code: 'upstream_broke_protocol',
    message: /more than 10 bytes/,
  })
  await long.left()
  const exact = await upstream(t, response => void response.end('é'.repeat(5)))
  t.is(await ask(exact.url, signal, 10), 'ééééé')
})

test('an answer without a body is an empty text, and a broken one fails', async t => {
  const { signal } = new AbortController()
  const empty = await upstream(t, response => void response.writeHead(204).end())
  t.is(await ask(empty.url, signal), '')
  const broken = await upstream(t, response => {
    response.writeHead(200, { 'content-length': 100 }).write('half')
    setTimeout(() => response.destroy(), stepMs)
  })
  await t.throwsAsync(ask(broken.url, signal))
})
