/**
 * Verdicts that are not `pass`, with their reasons, and how many there are of each in each category. A change in either
 * direction turns the tests red: what is mended is taken out here.
 */
import type { Category } from './cases.ts'
import type { LegName } from './legs.ts'
import type { Verdict } from './verdict.ts'

interface Exception {
  readonly kind: RegExp
  /** Close codes that the case may be closed with; absent: any case of the kind. */
  readonly code?: readonly number[]
  readonly verdict: Verdict
  readonly reason: string
}

const cuts = 'uWebSockets.js 20.51 drops the connection on a broken protocol without a close frame'

export const exceptions: Readonly<Record<LegName, readonly Exception[]>> = {
  client: [
    {
      kind: /binary (frame|message begun) inside a fragmented/,
      verdict: 'fail',
      reason: 'uWebSockets.js 20.51 takes a binary frame within a fragmented message for its continuation',
    },
    {
      kind: /^a length in more bytes than it needs$/,
      verdict: 'fail',
      reason: 'uWebSockets.js 20.51 takes it; the message is read as it was meant, so nothing depends on it',
    },
    {
      kind: /^(reserved|a reserved|a text (frame|message begun) inside|a fragmented |(a|an empty) (last )?fragment of nothing|a last fragment after|invalid UTF-8|a length with|a frame that claims|a message of twice|(a|an) (ping|pong|close frame) of 126)/,
      verdict: 'cut',
      reason: cuts,
    },
    { kind: /^a (text|binary|ping|pong) frame whose mask is wrong$/, verdict: 'cut', reason: cuts },
    {
      kind: /^a close frame with a legal code$/,
      code: [1012, 1013, 1014, 3000, 3999],
      verdict: 'lax',
      reason: 'uWebSockets.js 20.51 answers codes that it does not know with a close frame without one',
    },
    {
      kind: /^a close frame (with an illegal code|of one byte|whose reason is no UTF-8|whose mask is wrong)$/,
      verdict: 'lax',
      reason:
        'uWebSockets.js 20.51 answers a faulty close frame with one without a code, in place of 1002 or 1007',
    },
  ],
  upstream: [
    {
      kind: /^a length in more bytes than it needs$/,
      verdict: 'fail',
      reason: 'ws 8 takes it; the message is read as it was meant, so nothing depends on it',
    },
  ],
}

export type Totals = Readonly<Record<Category, Partial<Record<Verdict, number>>>>

export const totals: Readonly<Record<LegName, Totals>> = {
  client: {
    1: { pass: 64 },
    2: { pass: 34, cut: 8 },
    3: { cut: 84 },
    4: { cut: 40 },
    5: { pass: 40, cut: 38, fail: 12 },
    6: { pass: 96, cut: 84 },
    7: { pass: 40, lax: 48, cut: 2 },
    9: { pass: 36, cut: 4 },
    10: { pass: 3, cut: 12, lax: 2, fail: 8 },
  },
  upstream: {
    1: { pass: 64 },
    2: { pass: 42 },
    3: { pass: 84 },
    4: { pass: 40 },
    5: { pass: 90 },
    6: { pass: 180 },
    7: { pass: 90 },
    9: { pass: 40 },
    10: { pass: 17, fail: 8 },
  },
}
