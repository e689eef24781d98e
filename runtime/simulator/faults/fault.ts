/**
 * Faults on demand, one for each connection. They are asked for with the query value `fault`, the header
 * `x-simulator-fault`, a model or deployment name that ends in `--fault-NAME`, or `POST /simulator/fault`;
 * and only when the simulator was started with faults.
 *
 * | name | what happens |
 * |---|---|
 * | `refuse` | the connection is cut before any answer |
 * | `401` `403` `404` `429` `500` `503` | that status instead of the upgrade; 429 and 503 with `Retry-After: 1` |
 * | `slow-N` | the upgrade is answered after N seconds |
 * | `silence` | the upgrade succeeds, and nothing is ever sent |
 * | `stall` | nothing more is sent from the third delta of an answer on; the socket stays open |
 * | `drop` | the socket is cut without a close frame at the third delta of an answer |
 * | `drop-open` | the same, right after `session.created` |
 * | `close-CODE` | a close frame with that code (`close-1011`) at the third delta of an answer |
 * | `trickle` | one event each 400 ms |
 * | `duplicate` | every event comes twice |
 * | `reorder` | neighbouring deltas change places |
 * | `huge` | an event of 10 MB at the third delta of an answer |
 * | `utf8` | a text frame that is not UTF-8, there |
 * | `json` | a text frame that is not JSON, there |
 * | `expire-N` | the session expires after N seconds |
 * | `no-close` | a close frame of the client is answered by the end of the stream alone |
 * | `fail-CODE` | the first response fails with that error code (`fail-server_error`, `fail-rate_limit_exceeded`) |
 *
 * `POST /simulator/fault` takes `{"fault":NAME,"times":N,"path":"/v1/realtime"}`: the next N requests (default: all)
 * to that path (default: any) get it; `DELETE` takes it away. Plain requests get `refuse` and the statuses alone.
 *
 * `-xN` behind a name spends it: it strikes the first N connections that ask for it in these words, and no more.
 */

import { isSendableCloseCode } from '../../core/errors.ts'

const statuses = ['401', '403', '404', '429', '500', '503']
const plainNames = [
  'refuse',
  'silence',
  'stall',
  'drop',
  'drop-open',
  'trickle',
  'duplicate',
  'reorder',
  'huge',
  'utf8',
  'json',
  'no-close',
]
const modelMark = '--fault-'

export interface Fault {
  name: string
  /** The part after the name: a close code, seconds, an error code. */
  value: string
}

/** A fault with how often it may strike; null is always. */
export interface FaultRequest {
  fault: Fault
  times: number | null
  /** The words it was asked for in. */
  words: string
}

/** Reads a fault's name; null when there is no such fault. */
export function faultOf(words: string): FaultRequest | null {
  const spent = /^(.*)-x(\d+)$/.exec(words)
  const name = spent?.[1] ?? words
  const times = spent?.[2] === undefined ? null : Number(spent[2])
  if (statuses.includes(name)) return { fault: { name: 'status', value: name }, times, words }
  if (plainNames.includes(name)) return { fault: { name, value: '' }, times, words }
  const [, kind, value] = /^(close|expire|fail|slow)-(\w+)$/.exec(name) ?? []
  if (kind === undefined || value === undefined) return null
  if (kind !== 'fail' && !/^\d+$/.test(value)) return null
  if (kind === 'close' && !isSendableCloseCode(Number(value))) return null
  return { fault: { name: kind, value }, times, words }
}

/** Takes a fault off a model or deployment name. */
export function modelAndFault(model: string): { model: string; words: string | null } {
  const at = model.indexOf(modelMark)
  if (at < 0) return { model, words: null }
  return { model: model.slice(0, at), words: model.slice(at + modelMark.length) }
}
