/** A `fetch` whose answers are bounded: a server that sends without end fails its request, and fills no memory. */

/** Of a body that is read whole, and of one event of a stream (bytes). */
const maxBytes = 1024 * 1024

const newline = 10

/** @throws TypeError from the body, when more than 1 MiB comes, or one event of a stream is longer */
export function boundedFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    const { body, status, statusText, headers } = response
    if (body === null) return response
    const isStream = headers.get('content-type')?.startsWith('text/event-stream') ?? false
    // What `fetch` itself does at the signal may be collected while a body is read: its connection would stay.
    const { signal } = init ?? {}
    const bounded = body.pipeThrough(isStream ? boundEvents() : boundBody(), signal ? { signal } : {})
    return new Response(bounded, {
      status,
      statusText,
      headers,
    })
  }
}

function boundBody(): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform: (chunk, controller) => {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLong()
      controller.enqueue(chunk)
    },
  })
}

/** An event ends with an empty line (WHATWG HTML, server-sent events). */
function boundEvents(): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform: (chunk, controller) => {
      const end = lastEmptyLine(chunk)
      bytes = end < 0 ? bytes + chunk.length : chunk.length - end
      if (bytes > maxBytes) throw tooLong()
      controller.enqueue(chunk)
    },
  })
}

/** Where the last event of a chunk ends; -1 when none does. An end that lies between two chunks is not seen: the next is. */
function lastEmptyLine(chunk: Uint8Array): number {
  for (let end = chunk.lastIndexOf(newline); end > 0; end = chunk.lastIndexOf(newline, end - 1)) {
    const before = chunk[end - 1] === 13 ? end - 2 : end - 1
    if (chunk[before] === newline) return end + 1
  }
  return -1
}

const tooLong = () => new TypeError(`The server answered with more than ${maxBytes} bytes`)
