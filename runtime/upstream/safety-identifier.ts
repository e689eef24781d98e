/** `OpenAI-Safety-Identifier`: tells the vendor apart the people behind one key, without saying who they are. */
import { createHash } from 'node:crypto'
import type { Principal } from '../core/ports.ts'

/**
 * `client`: what the client sends is passed on. `principal`: a hash of the caller's name, whatever the client sends;
 * a caller without a credential has none.
 */
export type SafetySource = 'client' | 'principal'

/** The name is as the vendor's SDKs write it. */
const header = 'OpenAI-Safety-Identifier'

/** Visible ASCII; a hash takes 64 characters. */
const passed = /^[\x21-\x7e]{1,256}$/

/** A request: an upgrade, or over HTTP. */
export interface Asking {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly principal?: Principal
}

/** Gives the headers that identify whoever asks; none where nothing does. */
export function safetyHeaders(
  { headers, principal }: Asking,
  source: SafetySource,
): Readonly<Record<string, string>> {
  if (source === 'principal') {
    if (principal === undefined || principal.by === 'none') return {}
    return { [header]: createHash('sha256').update(principal.name).digest('hex') }
  }
  const value = headers.get(header.toLowerCase())
  return value !== undefined && passed.test(value) ? { [header]: value } : {}
}
