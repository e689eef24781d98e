/**
 * What a page looks like, coarsely: colours of a grid of cells. A grid forgives how edges are smoothed, and shows what
 * moved, vanished or changed its colour. Letters are those of one font on every machine; each letter of a script that
 * the font does not have is drawn as a W.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'

const columns = 12
const rows = 48
const channels = 3
/** A channel of a cell that differs by less is the same (of 255). */
const channelTolerance = 16

/** The look of one page. */
export interface Look {
  /** Of the whole page (pixels). */
  readonly height: number
  /** Red, green and blue of each cell, by rows: base64. */
  readonly cells: string
}

const fonts = fileURLToPath(
  new URL('../../node_modules/.cache/chromium/fonts/fonts/Open_Sans/', import.meta.url),
)

/** Gives every letter of the page the one font. */
async function useOneFont(page: Page): Promise<void> {
  const face = (file: string, weight: string) => {
    const data = readFileSync(`${fonts}${file}`).toString('base64')
    return `@font-face { font-family: one; font-weight: ${weight}; src: url(data:font/ttf;base64,${data}) }`
  }
  const faces = face('OpenSans-Regular.ttf', '1 500') + face('OpenSans-Bold.ttf', '501 1000')
  await page.addStyleTag({ content: `${faces} *, *::before, *::after { font-family: one !important }` })
  await page.evaluate(`(async () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const plain = text => text.replace(/[^\\x00-\\u024f\\u2010-\\u203a]/gu, 'W\\u200b')
    while (walker.nextNode()) walker.currentNode.data = plain(walker.currentNode.data)
    for (const field of document.querySelectorAll('[placeholder]')) field.placeholder = plain(field.placeholder)
    await document.fonts.load('16px one')
    await document.fonts.load('bold 16px one')
    await document.fonts.ready
  })()`)
}

/** Looks at the whole page. @param reader a page without a policy, which reads the picture */
export async function lookOf(page: Page, reader: Page): Promise<Look> {
  await useOneFont(page)
  const png = (await page.screenshot({ fullPage: true, animations: 'disabled' })).toString('base64')
  return (await reader.evaluate(`(async () => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,${png}')).blob())
    const { width, height } = image
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
    context.drawImage(image, 0, 0)
    const { data } = context.getImageData(0, 0, width, height)
    const sums = new Float64Array(${columns * rows * channels})
    const counts = new Float64Array(${columns * rows})
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const cell = Math.floor(y * ${rows} / height) * ${columns} + Math.floor(x * ${columns} / width)
        counts[cell]++
        for (let c = 0; c < ${channels}; c++) sums[cell * ${channels} + c] += data[(y * width + x) * 4 + c]
      }
    const means = [...sums].map((sum, index) => Math.round(sum / counts[Math.floor(index / ${channels})]))
    return { height, cells: btoa(String.fromCharCode(...means)) }
  })()`)) as Look
}

/** Where two looks differ: places in percent of the page, from its left and its top. */
export function differences(one: Look, other: Look): string[] {
  const [a, b] = [one, other].map(({ cells }) => Buffer.from(cells, 'base64'))
  const places: string[] = []
  if (one.height !== other.height) places.push(`${one.height} and ${other.height} pixels high`)
  for (let cell = 0; cell < columns * rows; cell++) {
    const differs = Array.from({ length: channels }, (_, c) => cell * channels + c).some(
      at => Math.abs((a?.[at] ?? 0) - (b?.[at] ?? 0)) > channelTolerance,
    )
    const left = Math.round((100 * (cell % columns)) / columns)
    const top = Math.round((100 * Math.floor(cell / columns)) / rows)
    if (differs) places.push(`${left} % from the left, ${top} % from the top`)
  }
  return places
}
