/**
 * Joins still WebP pictures, as a browser writes them, to one animated WebP.
 * Source of the format: "WebP Container Specification", https://developers.google.com/speed/webp/docs/riff_container.
 */

/** One frame: a picture that is laid over what was there. */
export interface Frame {
  /** A still WebP. */
  readonly webp: Uint8Array
  /** Where it is laid (pixels); even numbers. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** How long it is shown (ms). */
  readonly ms: number
}

const hasAnimation = 0b10
const hasTransparency = 0b10000
/** The frame is laid over what is there, which shows where it is transparent; nothing of it is removed behind it. */
const isLaidOver = 0b00
const whiteBackground = 0xffffffff
const endless = 0
const headerBytes = 8
const riffHeaderBytes = 12
/** Chunks of a still picture that hold its pixels; others, such as colour profiles, are left out. */
const pixelChunks = ['ALPH', 'VP8 ', 'VP8L']

/**
 * Makes an animated WebP that repeats without end.
 * @param width of the whole (pixels)
 * @throws RangeError where a frame begins at an odd pixel: the format halves the numbers
 * @throws TypeError where a frame is no still WebP
 */
export function animatedWebp(width: number, height: number, frames: readonly Frame[]): Buffer {
  const canvas = Buffer.alloc(10)
  canvas.writeUInt8(hasAnimation | hasTransparency, 0)
  canvas.writeUIntLE(width - 1, 4, 3)
  canvas.writeUIntLE(height - 1, 7, 3)
  const animation = Buffer.alloc(6)
  animation.writeUInt32LE(whiteBackground, 0)
  animation.writeUInt16LE(endless, 4)
  const chunks = [chunk('VP8X', canvas), chunk('ANIM', animation), ...frames.map(frameChunk)]
  return chunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...chunks]))
}

function frameChunk({ webp, x, y, width, height, ms }: Frame): Buffer {
  if (x % 2 !== 0 || y % 2 !== 0) throw new RangeError(`a frame begins at ${x}, ${y}: use even numbers`)
  const head = Buffer.alloc(16)
  head.writeUIntLE(x / 2, 0, 3)
  head.writeUIntLE(y / 2, 3, 3)
  head.writeUIntLE(width - 1, 6, 3)
  head.writeUIntLE(height - 1, 9, 3)
  head.writeUIntLE(ms, 12, 3)
  head.writeUInt8(isLaidOver, 15)
  return chunk('ANMF', Buffer.concat([head, ...pixelsOf(webp)]))
}

function pixelsOf(webp: Uint8Array): Buffer[] {
  const file = Buffer.from(webp)
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WEBP')
    throw new TypeError('a frame is no WebP picture')
  const found: Buffer[] = []
  for (let at = riffHeaderBytes; at + headerBytes <= file.length; ) {
    const name = file.toString('latin1', at, at + 4)
    const end = at + headerBytes + file.readUInt32LE(at + 4)
    if (pixelChunks.includes(name)) found.push(chunk(name, file.subarray(at + headerBytes, end)))
    at = end + (end % 2)
  }
  return found
}

/** A chunk of an odd length is followed by a byte that does not count. */
function chunk(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.write(name, 'latin1')
  header.writeUInt32LE(content.length, 4)
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2)])
}
