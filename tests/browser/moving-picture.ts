/** Films a page: takes pictures of it one after the other, and keeps of each what has changed. */
import { setTimeout } from 'node:timers/promises'
import type { BrowserContext, Page } from 'playwright-core'
import { animatedWebp, type Frame } from './animated-webp.ts'

/** A shorter gap between two pictures brings nothing that an eye would miss (ms). */
const leastGapMs = 125
/** The last picture stays so long before the film begins again (ms). */
const lastMs = 2500
/** Of the encoder, 0 to 1. */
const quality = 0.75

/** What changed between two pictures. */
interface Change {
  x: number
  y: number
  width: number
  height: number
  /** Base64 of a still WebP. */
  webp: string
}

/** What is filmed so far. */
export interface Film {
  /** Ends the filming. @returns an animated WebP */
  finish(): Promise<Buffer>
}

/**
 * Runs in a page of its own: keeps the last picture, and encodes the rectangle in which the next one differs. Blocks in
 * it that are the same are left transparent, which costs next to nothing.
 */
const differ = `globalThis.changeIn = async (png, quality) => {
  const block = 16
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob())
  const { width, height } = image
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  context.drawImage(image, 0, 0)
  const shown = context.getImageData(0, 0, width, height)
  const pixels = new Uint32Array(shown.data.buffer.slice())
  const { last } = globalThis
  globalThis.last = pixels
  const isChanged = (left, top) => {
    if (!last) return true
    for (let y = top; y < Math.min(top + block, height); y++)
      for (let at = y * width + left; at < y * width + Math.min(left + block, width); at++)
        if (pixels[at] !== last[at]) return true
    return false
  }
  let [left, top, right, bottom] = [width, height, 0, 0]
  for (let y = 0; y < height; y += block)
    for (let x = 0; x < width; x += block)
      if (isChanged(x, y)) {
        left = Math.min(left, x); right = Math.max(right, Math.min(x + block, width))
        top = Math.min(top, y); bottom = Math.max(bottom, Math.min(y + block, height))
      } else context.clearRect(x, y, block, block)
  if (right === 0) return null
  const part = new OffscreenCanvas(right - left, bottom - top)
  part.getContext('2d').drawImage(context.canvas, -left, -top)
  const bytes = new Uint8Array(await (await part.convertToBlob({ type: 'image/webp', quality })).arrayBuffer())
  const webp = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
  return { x: left, y: top, width: part.width, height: part.height, webp }
}`

/** Begins to film a page. */
export async function film(page: Page, context: BrowserContext): Promise<Film> {
  const reader = await context.newPage()
  await reader.evaluate(differ)
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 }
  const shots: { at: number; change: Change }[] = []
  const started = performance.now()
  let isOver = false
  const shoot = async () => {
    const at = performance.now() - started
    const png = (await page.screenshot()).toString('base64')
    const change = (await reader.evaluate(`changeIn(${JSON.stringify(png)}, ${quality})`)) as Change | null
    if (change) shots.push({ at, change })
  }
  const filming = (async () => {
    while (!isOver) {
      const begun = performance.now()
      await shoot()
      await setTimeout(Math.max(0, leastGapMs - (performance.now() - begun)))
    }
    await shoot()
  })()
  // Told by `finish`; a film that is not finished has failed for another reason.
  filming.catch(() => undefined)
  return {
    finish: async () => {
      isOver = true
      await filming
      await reader.close()
      return animatedWebp(
        width,
        height,
        shots.map(({ at, change }, index): Frame => {
          const next = shots[index + 1]
          const ms = Math.round(next ? next.at - at : lastMs)
          return { ...change, webp: Buffer.from(change.webp, 'base64'), ms }
        }),
      )
    },
  }
}
