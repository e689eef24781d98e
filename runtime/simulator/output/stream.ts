/** The outputs of a response, one after the other; a call begins while the words before it are being said. */
import type { Output } from './output.ts'

type Stream = Generator<number, boolean>

/**
 * Streams outputs to their ends.
 *
 * @param open holds those that have begun and not finished; it is kept up to date
 * @returns false when the token limit was reached; what was open then stays open
 */
export function* streamOutputs(outputs: readonly Output[], open: Set<Output>): Stream {
  for (let index = 0; index < outputs.length; index++) {
    const [first, next] = outputs.slice(index, index + 2)
    if (first === undefined) break
    const overlap = first.item.type === 'message' && next?.item.type === 'function_call'
    if (!(yield* streamTogether(overlap && next !== undefined ? [first, next] : [first], open))) return false
    if (overlap) index++
  }
  return true
}

/** Each output begins one step after the one before; all finish, in order, when the last has been streamed. */
function* streamTogether(outputs: Output[], open: Set<Output>): Stream {
  const streams = new Map<Output, Stream>()
  const waiting = [...outputs]
  do {
    const starting = waiting.shift()
    if (starting !== undefined) {
      starting.begin()
      open.add(starting)
      streams.set(starting, starting.deltas())
    }
    const waitMs = stepAll(streams)
    if (waitMs === null) return false
    yield waitMs
  } while (streams.size > 0 || waiting.length > 0)
  for (const output of outputs) {
    open.delete(output)
    output.finish('completed')
  }
  return true
}

/** Takes one step of each stream; gives the longest wait, or null when one has hit the limit. */
function stepAll(streams: Map<Output, Stream>): number | null {
  let waitMs = 0
  for (const [output, deltas] of streams) {
    const step = deltas.next()
    if (step.done !== true) waitMs = Math.max(waitMs, step.value)
    else if (!step.value) return null
    else streams.delete(output)
  }
  return waitMs
}
