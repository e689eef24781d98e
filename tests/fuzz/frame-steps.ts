/** What one side writes on an open WebSocket, legal or not, as values that JSON keeps. */
import fc from 'fast-check'
import { closePayload, encodeFrame, opcodes } from '../wire/frames.ts'
import { bytes, closeCode } from './values.ts'

export type Step =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'fragments'
      readonly isText: boolean
      readonly parts: readonly string[]
      readonly ping: boolean
    }
  | { readonly kind: 'binary'; readonly bytes: string }
  | { readonly kind: 'control'; readonly opcode: 9 | 10; readonly bytes: string }
  | { readonly kind: 'large'; readonly bytes: number }
  | { readonly kind: 'close'; readonly code: number | null; readonly reason: string }
  | {
      readonly kind: 'broken'
      readonly first: number
      readonly isMasked: boolean
      readonly claimed: number
      readonly bytes: string
    }
  | { readonly kind: 'garbage'; readonly bytes: string }

/** @param text what this side says as text @param masks whether this side masks its frames */
export function stepsOf(text: fc.Arbitrary<string>, masks: boolean): fc.Arbitrary<Step[]> {
  const legal: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: text.map(text => ({ kind: 'text' as const, text })) },
    fc.record({
      kind: fc.constant('fragments' as const),
      isText: fc.boolean(),
      parts: fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 30 }), { minLength: 1, maxLength: 5 }),
      ping: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('binary' as const), bytes: bytes(200) }),
    fc.record({
      kind: fc.constant('control' as const),
      opcode: fc.constantFrom(9 as const, 10 as const),
      bytes: bytes(125),
    }),
  )
  const illegal: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant('broken' as const),
      first: fc.nat({ max: 255 }),
      isMasked: fc.oneof({ weight: 3, arbitrary: fc.constant(masks) }, fc.constant(!masks)),
      claimed: fc.oneof(fc.nat({ max: 130 }), fc.constantFrom(-1, 65_536, 2 ** 31, 2 ** 53)),
      bytes: bytes(140),
    }),
    fc.record({ kind: fc.constant('garbage' as const), bytes: bytes(60) }),
    fc.record({
      kind: fc.constant('large' as const),
      bytes: fc.constantFrom(70_000, 1_048_576, 1_048_577, 1_500_000),
    }),
    fc.record({
      kind: fc.constant('close' as const),
      code: fc.option(closeCode),
      reason: bytes(123),
    }),
  )
  return fc.array(fc.oneof({ weight: 7, arbitrary: legal }, { weight: 1, arbitrary: illegal }), {
    minLength: 1,
    maxLength: 8,
  })
}

/** Whether whoever hears these steps may cut the connection without a close frame. */
export function mayBeCut(steps: readonly Step[]): boolean {
  return steps.some(({ kind }) => kind === 'broken' || kind === 'garbage' || kind === 'close')
}

export function encodeStep(step: Step, isMasked: boolean): Buffer {
  switch (step.kind) {
    case 'text':
      return encodeFrame({ opcode: opcodes.text, payload: Buffer.from(step.text), isMasked })
    case 'binary':
      return encodeFrame({ opcode: opcodes.binary, payload: latin(step.bytes), isMasked })
    case 'control':
      return encodeFrame({ opcode: step.opcode, payload: latin(step.bytes), isMasked })
    case 'large':
      return encodeFrame({ opcode: opcodes.text, payload: Buffer.alloc(step.bytes, ' '), isMasked })
    case 'close':
      return encodeFrame({
        opcode: opcodes.close,
        payload: step.code === null ? Buffer.alloc(0) : closePayload(step.code, latin(step.reason)),
        isMasked,
      })
    case 'garbage':
      return latin(step.bytes)
    case 'broken':
      return encodeFrame({
        opcode: step.first & 0xf,
        isFinal: (step.first & 0x80) !== 0,
        reserved: (step.first >> 4) & 0x7,
        payload: latin(step.bytes),
        claimed: BigInt(step.claimed),
        lengthBytes: step.claimed < 0 || step.claimed > 0xffff ? 9 : step.claimed > 125 ? 3 : 1,
        isMasked: step.isMasked,
      })
    case 'fragments':
      return Buffer.concat(
        step.parts.flatMap((part, at) => [
          encodeFrame({
            opcode: at > 0 ? opcodes.continuation : step.isText ? opcodes.text : opcodes.binary,
            isFinal: at === step.parts.length - 1,
            payload: Buffer.from(part),
            isMasked,
          }),
          ...(step.ping && at < step.parts.length - 1
            ? [encodeFrame({ opcode: opcodes.ping, isMasked })]
            : []),
        ]),
      )
  }
}

function latin(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Cuts bytes into pieces. @param size of each (bytes); 0: one piece */
export function cutInto(all: Buffer, size: number): Buffer[] {
  if (size === 0) return [all]
  const pieces: Buffer[] = []
  for (let at = 0; at < all.length; at += size) pieces.push(all.subarray(at, at + size))
  return pieces
}
