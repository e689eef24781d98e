/** The page that shows the design: every component, in every state, can be seen and told from its other states. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import test from 'ava'
import type { Browser, Locator, Page } from 'playwright-core'
import { build } from 'vite'
import { launchChromium } from './_chromium.ts'
import { differences, type Look, lookOf } from './_look.ts'

const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }
/** A channel of a pixel that differs by less is the same (of 255): edges are smoothed differently. */
const channelTolerance = 24
/** So many pixels of an element must differ from its ground, and from another state. */
const leastPixels = 8

let browser: Browser
let server: Server
let folder: string
let url: string

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'design-'))
  await build({ mode: 'development', logLevel: 'silent', build: { outDir: folder, emptyOutDir: true } })
  server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const file = await readFile(join(folder, path)).catch(() => undefined)
    response.writeHead(file ? 200 : 404, { 'Content-Type': types[extname(path)] ?? 'image/svg+xml' })
    response.end(file)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  server?.close()
  if (folder) await rm(folder, { recursive: true })
})

interface Picture {
  width: number
  height: number
  /** Red, green, blue and alpha of each pixel, by rows. */
  pixels: number[]
}

/** What an element looks like. @param reader a page without a policy, which decodes the picture */
async function pictureOf(element: Locator, reader: Page): Promise<Picture> {
  const png = (await element.screenshot({ animations: 'disabled' })).toString('base64')
  return (await reader.evaluate(`(async () => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,${png}')).blob())
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
    context.drawImage(image, 0, 0)
    const { width, height, data } = context.getImageData(0, 0, image.width, image.height)
    return { width, height, pixels: [...data] }
  })()`)) as Picture
}

/** How many pixels differ; of pictures of different sizes, all that one has more. */
function differingPixels(one: Picture, other: Picture): number {
  const width = Math.min(one.width, other.width)
  const height = Math.min(one.height, other.height)
  let count = one.width * one.height + other.width * other.height - 2 * width * height
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [a, b] = [(y * one.width + x) * 4, (y * other.width + x) * 4]
      const differs = [0, 1, 2].some(
        channel =>
          Math.abs((one.pixels[a + channel] ?? 0) - (other.pixels[b + channel] ?? 0)) > channelTolerance,
      )
      if (differs) count++
    }
  return count
}

/** How many pixels differ from the one in the corner: what an element shows on its ground. */
function shownPixels(picture: Picture): number {
  const ground = { ...picture, pixels: picture.pixels.map((_, index) => picture.pixels[index % 4] ?? 0) }
  return differingPixels(picture, ground)
}

const looks = [
  { colorScheme: 'light' },
  { colorScheme: 'dark' },
  { colorScheme: 'light', forcedColors: 'active' },
] as const

for (const look of looks)
  test.serial(`every state can be seen and told from the others: ${JSON.stringify(look)}`, async t => {
    const context = await browser.newContext({ ...look, reducedMotion: 'reduce' })
    t.teardown(() => context.close())
    const page = await context.newPage()
    const reader = await context.newPage()
    await page.goto(`${url}design.html`)
    await page.locator('#swatches li').first().waitFor()
    for (const component of ['button', 'field', 'notice', 'meter', 'voice']) {
      const states = await page.locator(`[data-component=${component}] > [data-state]`).all()
      t.true(states.length >= 2, component)
      const pictures: { state: string; picture: Picture }[] = []
      for (const element of states) {
        const state = String(await element.getAttribute('data-state'))
        const picture = await pictureOf(element, reader)
        t.true(shownPixels(picture) >= leastPixels, `${component} ${state} cannot be seen`)
        for (const other of pictures)
          t.true(
            differingPixels(picture, other.picture) >= leastPixels,
            `${component}: ${state} looks like ${other.state}`,
          )
        pictures.push({ state, picture })
      }
    }
  })

for (const file of ['design.html', 'design.ja.html'])
  for (const width of [320, 720, 1440])
    test.serial(`${file} fits ${width} pixels`, async t => {
      const context = await browser.newContext({ viewport: { width, height: 800 } })
      t.teardown(() => context.close())
      const page = await context.newPage()
      await page.goto(url + file)
      await page.locator('#swatches li').first().waitFor()
      t.is(await page.evaluate('document.documentElement.scrollWidth'), width)
      const clipped = await page.evaluate(`[...document.querySelectorAll('button, input, select')]
        .filter(e => e.checkVisibility())
        .filter(e => e.getBoundingClientRect().right > innerWidth)
        .map(e => e.outerHTML.slice(0, 80))`)
      t.deepEqual(clipped, [])
    })

/** How the page looked when somebody last looked at it: `UPDATE_LOOKS=1 npx ava tests/browser/design.test.ts` writes it. */
const looksFile = new URL('design-looks.json', import.meta.url)
const isUpdating = process.env.UPDATE_LOOKS === '1'
const seen: Record<string, Look> = {}

for (const file of ['design.html', 'design.ja.html'])
  for (const look of looks)
    for (const width of [320, 720, 1440]) {
      const name = `${file} ${'forcedColors' in look ? 'forced colours' : look.colorScheme} ${width}`
      test.serial(`${name} looks as it did`, async t => {
        const context = await browser.newContext({
          ...look,
          reducedMotion: 'reduce',
          viewport: { width, height: 800 },
        })
        t.teardown(() => context.close())
        const [page, reader] = [await context.newPage(), await context.newPage()]
        await page.goto(url + file)
        await page.locator('#swatches li').first().waitFor()
        const now = await lookOf(page, reader)
        seen[name] = now
        const kept = JSON.parse(await readFile(looksFile, 'utf8')) as Record<string, Look>
        const before = isUpdating ? now : kept[name]
        t.deepEqual(before && differences(before, now), [], 'UPDATE_LOOKS=1 takes it as it is now')
        await page.addStyleTag({ content: '.card { padding: 40px !important }' })
        t.not(differences(now, await lookOf(page, reader)).length, 0, 'a change is not noticed')
      })
    }

test.after('the looks are written', async () => {
  if (isUpdating) await writeFile(looksFile, `${JSON.stringify(seen, undefined, 2)}\n`)
})
