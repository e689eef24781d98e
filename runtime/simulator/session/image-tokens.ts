/** What an image costs, by the rule that OpenAI's guide to images gives for its tile models; assumed of these models. */

/** Of any image, and all of one in low detail. */
const baseTokens = 85
const tileTokens = 170
const tilePx = 512
/** An image is scaled down to fit a square of this size, then to this length of its shorter side. */
const squarePx = 2048
const shortSidePx = 768

/** Taken for an image whose format this does not read. */
const unreadSize = { width: 1024, height: 1024 }

/** Of a PNG: eight bytes of signature, the length and name of its first chunk, then width and height. */
const pngSizeAt = 16
const pngHeaderBytes = 24
const pngStart = 'data:image/png;base64,'

/**
 * Counts the tokens of an image.
 * @param url data URI
 * @param detail `low`, `high` or `auto`, which is taken as high
 */
export function imageTokens(url: string, detail: string | undefined): number {
  if (detail === 'low') return baseTokens
  const { width, height } = sizeOf(url)
  const fit = Math.min(1, squarePx / Math.max(width, height))
  const scale = fit * Math.min(1, shortSidePx / (Math.min(width, height) * fit))
  const tiles = Math.ceil((width * scale) / tilePx) * Math.ceil((height * scale) / tilePx)
  return baseTokens + tileTokens * tiles
}

function sizeOf(url: string): { width: number; height: number } {
  if (!url.startsWith(pngStart)) return unreadSize
  const head = Buffer.from(url.slice(pngStart.length, pngStart.length + pngHeaderBytes * 2), 'base64')
  if (head.length < pngHeaderBytes) return unreadSize
  const size = { width: head.readUInt32BE(pngSizeAt), height: head.readUInt32BE(pngSizeAt + 4) }
  return size.width > 0 && size.height > 0 ? size : unreadSize
}
