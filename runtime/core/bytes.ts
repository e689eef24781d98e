/** Views on bytes. */

/**
 * Takes bytes as a Buffer without copying them: Buffer's own `indexOf` is memchr, some 35 times as fast on 16 kB as
 * that of a plain Uint8Array.
 */
export function asBuffer(bytes: NodeJS.ArrayBufferView): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
