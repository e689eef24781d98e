/**
 * The days on which OpenAI says that it retires models, as its list of models tells them. The table of models is as old
 * as the release of the gateway; the list is of the day.
 * Source: OpenAI API reference, "List models" (`GET /v1/models`): `data[].shutdown_date`, optional, `YYYY-MM-DD` or
 * null where no day is announced; its page "Deprecations" says to watch it. No recording of a live answer has it.
 * Azure's lists of models have no such field.
 */
import { enter, enterLater, type FaultOwner } from '../core/fault-boundary.ts'
import { parseJson } from '../core/json.ts'
import { readAnswerText } from './answer-text.ts'
import { headersWithin } from './credential-headers.ts'
import type { Credential } from './credentials/credentials.ts'
import type { Target } from './target.ts'

export interface RetirementOptions extends FaultOwner {
  /** OpenAI, or whatever stands at its addresses. */
  readonly target: Target
  readonly credential: Credential
  /** Time for the whole request (ms). */
  readonly timeoutMs: number
  /** The models that are of interest. */
  readonly names: readonly string[]
}

/** Day of the end (ISO 8601 date) by name of the model. */
export type AnnouncedDays = ReadonlyMap<string, string>

/** A longer list is given up (bytes): a hundred models take about 20 KB. */
const maxListBytes = 1024 * 1024

/**
 * Asks upstream once on which days it retires models.
 * A key may be restricted, and what stands at OpenAI's addresses may have no such list: nothing is announced then,
 * and nobody is told of a failure.
 * @param told called once, later, with what is announced of `names`; not when the request was stopped
 * @returns stops the request. Safe to call twice
 */
export function askForRetirements(
  options: RetirementOptions,
  told: (days: AnnouncedDays) => void,
): () => void {
  const request = new AbortController()
  let phase: 'asking' | 'over' = 'asking'
  const deadline = enterLater(options, options.timeoutMs, () => request.abort()).unref()
  const end = () => {
    phase = 'over'
    clearTimeout(deadline)
    request.abort()
  }
  enter(options, async () => {
    const text = await readList(options, request.signal)
    if (phase === 'over') return
    end()
    told(daysIn(text, options.names))
  })
  return end
}

/** @returns '' where there is none to be had */
async function readList(
  { target, credential, timeoutMs }: RetirementOptions,
  signal: AbortSignal,
): Promise<string> {
  const url = new URL(target.baseUrl)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/models`
  try {
    const headers = await headersWithin(credential, timeoutMs)
    const answer = await fetch(url, { headers, signal, redirect: 'error' })
    // Whoever asked ends the request, and the body with it.
    return answer.ok ? await readAnswerText(target.label, answer, maxListBytes, signal) : ''
  } catch {
    return ''
  }
}

function daysIn(text: string, names: readonly string[]): AnnouncedDays {
  const list = fieldsOf(parseJson(text)).data
  const days = new Map<string, string>()
  for (const each of Array.isArray(list) ? list : []) {
    const { id, shutdown_date: day } = fieldsOf(each)
    if (typeof id === 'string' && names.includes(id) && isDay(day)) days.set(id, day)
  }
  return days
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

const dayPattern = /^\d{4}-\d{2}-\d{2}$/

/** A day of the calendar: `Date` takes the 30th of February for the 2nd of March. */
function isDay(value: unknown): value is string {
  if (typeof value !== 'string' || !dayPattern.test(value)) return false
  const time = Date.parse(value)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value)
}
