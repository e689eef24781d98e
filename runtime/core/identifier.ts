/** Random names. */
import { randomUUID } from 'node:crypto'

/**
 * Makes a random UUID that is kept for as long as a session lasts. Node puts `randomUUID()` together of 15 strings, and V8
 * keeps them all, 480 bytes, until the whole is read; read and written once, it takes 56.
 */
export function newIdentifier(): string {
  return Buffer.from(randomUUID(), 'latin1').toString('latin1')
}
