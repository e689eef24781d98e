/** Answers of an MCP server: bounded, and given up at the signal of their request, whatever is collected meanwhile. */
import type { ServerResponse } from 'node:http'
import test from 'ava'
import { boundedFetch } from '../../runtime/tools/bounded-fetch.ts'
import { collectGarbage, serveAnswer } from '../core/unending-answer.ts'
import { patienceMs, within } from '../gateway/within.ts'

const maxBytes = 1024 * 1024
const ask = boundedFetch(fetch)

const json = 'application/json'
const stream = 'text/event-stream'

/** Writes a part of a body, and neither more nor its end. */
const begin = (type: string, text: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': type }).write(text)
}

/** Reads a body until it ends or fails. */
const readText = (response: Response) => within(response.text(), patienceMs, 'the body is still read')

for (const [what, type, text] of [
  ['a body', json, '{"jsonrpc":'],
  ['a stream of events', stream, 'data: {}\n\n'],
] as const) {
  test(`${what} that does not end is given up with its request, also when garbage was collected before`, async t => {
    const { url, left } = await serveAnswer(t, begin(type, text))
    const request = new AbortController()
    // Nothing but the signal is kept, as by the client of the protocol.
    const reading = ask(url, { signal: request.signal, redirect: 'error' }).then(readText)
    await collectGarbage()
    request.abort(new Error('given up'))
    await t.throwsAsync(reading, { message: 'given up' })
    await left()
  })
}

const half = 'x'.repeat(maxBytes / 2)
const event = `data: ${half}\n\n`

/** What is answered, and how many characters of it arrive; null where it fails. */
const answers: readonly (readonly [
  what: string,
  type: string,
  pieces: readonly string[],
  chars: number | null,
])[] = [
  ['a body of the limit', json, [half, half], maxBytes],
  ['a longer body', json, [half, half, 'x'], null],
  ['a long stream of short events', stream, [event, event, event], 3 * event.length],
  [
    'events that end with CRLF',
    stream,
    Array(3).fill(event.replaceAll('\n', '\r\n')),
    3 * (event.length + 2),
  ],
  ['a long event', stream, [event, `data: ${half}`, half], null],
  ['a long event that ends', stream, [`data: ${half}`, half, '\n\n'], null],
  ['a long event behind the end of another', stream, [`\n\ndata: ${half}`, half], null],
  ['an empty line in the middle of a long body', json, [event, event, event], null],
]

for (const [what, type, pieces, chars] of answers) {
  test(`${what} ${chars === null ? 'fails' : 'arrives whole'}`, async t => {
    const body = new ReadableStream<Uint8Array>({
      start: controller => {
        for (const piece of pieces) controller.enqueue(Buffer.from(piece))
        controller.close()
      },
    })
    const headers = { 'content-type': type, 'x-kept': 'yes' }
    const bounded = boundedFetch(async () => new Response(body, { status: 201, statusText: 'Made', headers }))
    const response = await bounded('http://127.0.0.1')
    t.like(response, { status: 201, statusText: 'Made' })
    t.is(response.headers.get('x-kept'), 'yes')
    if (chars !== null) return t.is((await readText(response)).length, chars)
    await t.throwsAsync(readText(response), {
      instanceOf: TypeError,
      message: 'The server answered with more than 1048576 bytes',
    })
  })
}

test('an answer without a body stays as it is', async t => {
  const empty = new Response(null, { status: 202 })
  t.is(await boundedFetch(async () => empty)('http://127.0.0.1'), empty)
})
