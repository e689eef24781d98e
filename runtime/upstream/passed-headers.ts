/** What upstream is told of the headers of whoever asks: who it is, and the trace that the request belongs to. */
import { type Asking, type SafetySource, safetyHeaders } from './safety-identifier.ts'

/** W3C Trace Context, section 3.2: version, trace, parent, flags. Zeros alone name nothing, and version ff is none. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Gives the headers that go with a dial or a request to upstream beside those that authenticate. */
export function passedHeaders(asking: Asking, safety: SafetySource): Readonly<Record<string, string>> {
  const traceparent = asking.headers.get('traceparent')
  const isTrace = traceparent !== undefined && traceparentPattern.test(traceparent)
  return { ...safetyHeaders(asking, safety), ...(isTrace && { traceparent }) }
}
