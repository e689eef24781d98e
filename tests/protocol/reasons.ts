/** Why a name of the protocol is refused, not served or not sent; read where it is. */

const reasons: readonly (readonly [name: RegExp, reason: string])[] = [
  [/^conversation\.(created|item\.created)$/, 'The type files have it; no recording of GA has it'],
  [/^input_audio_buffer\.dtmf_event_received$/, 'Sent in telephone calls only; passes if upstream sends it'],
]

/** @returns null where nobody said why */
export function reasonOf(name: string): string | null {
  return reasons.find(([pattern]) => pattern.test(name))?.[1] ?? null
}
