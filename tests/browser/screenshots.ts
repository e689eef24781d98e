/**
 * Makes pictures of every page, in light and dark, for docs/getting-started.md, and films for the README how a
 * conversation survives its server:
 * `node tests/browser/screenshots.ts FOLDER`. The pages must have been built.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, say } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'
import { film } from './moving-picture.ts'

const desktop = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }
/** Filming slows a small machine down (ms). */
const filmTimeoutMs = 90_000
/** Of the moving picture. */
const filmed = { width: 1000, height: 640 }

/** Brings each page into a state that is worth a picture. */
const scenes: Record<string, (page: Page) => Promise<void>> = {
  chat: async page => {
    await page.getByText('Connected', { exact: true }).waitFor()
    await say(page, 'Repeat after me: she sells sea shells by the sea shore.')
    await page.locator('.answer[data-state=complete]').waitFor()
    await say(page, 'Count to 30.')
    await page.getByText('Speaking').waitFor()
    await page.locator('.answer').last().getByText('twenty').waitFor()
    await page.getByRole('button', { name: 'Open microphone' }).click()
    await page.locator('#status').getByText('Speaking; talk to interrupt').waitFor()
  },
  playground: async page => {
    await page.getByLabel('Endpoint').selectOption('/v1/realtime')
    await page.getByLabel('Filter by type').fill('response.*, error')
    for (const words of ['Count to 12.', 'Repeat after me: here it is {"dish":"soup","price":4}']) {
      const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: words }] }
      const events = [{ type: 'conversation.item.create', item }, { type: 'response.create' }]
      await page.getByLabel('Event as JSON').fill(JSON.stringify(events, null, 2))
      await page.getByRole('button', { name: 'Send', exact: true }).click()
      await page.getByText('Connected', { exact: true }).waitFor()
      await page
        .locator('#raw')
        .getByText(words.includes('12') ? 'twelve' : '"price":4')
        .waitFor()
      await page.locator('.event:visible').last().getByText('response.done').waitFor()
    }
    await page.locator('.event:visible').last().click()
  },
  sideband: async page => {
    await page.getByRole('button', { name: 'Run the three steps' }).click()
    await page.getByText('Call under control').waitFor()
    await page.locator('.session').first().waitFor()
    await page.getByRole('button', { name: 'Close microphone' }).click()
    await page.getByLabel('Message', { exact: true }).fill('Count to 12.')
    await page.getByRole('button', { name: 'Send message' }).click()
    await page.locator('#said-last').getByText('twelve').waitFor()
  },
}

const addresses: Record<string, string> = { chat: '', playground: 'playground', sideband: 'sideband' }

async function shoot(browser: Browser, gateway: Gateway, name: string, folder: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries({ desktop, phone })) {
      const context = await browser.newContext({
        locale: 'en-US',
        colorScheme,
        viewport,
        deviceScaleFactor: 2,
      })
      const page = await context.newPage()
      await page.goto(`${gateway.url}${addresses[name]}`)
      await scenes[name]?.(page)
      await page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
      const path = join(folder, `${name}-${size}-${colorScheme}.png`)
      await page.screenshot({ path })
      console.log(path)
      await context.close()
    }
  }
}

/** Films how the server of a conversation is killed in mid-sentence, and another one finishes it. */
async function filmPlug(browser: Browser, folder: string): Promise<void> {
  // The answer comes hardly faster than it is spoken: the server is killed in mid-sentence.
  const gateway = await startGateway(0, { WORKERS: '2', SIMULATOR_RATE: '1.5' })
  const context = await browser.newContext({ locale: 'en-US', colorScheme: 'light', viewport: filmed })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(filmTimeoutMs)
    await page.goto(gateway.url)
    await page.locator('#process').getByText('process').waitFor()
    const { finish } = await film(page, context)
    await page.getByLabel('Message').pressSequentially('Count to 12.', { delay: 50 })
    await page.getByLabel('Message').press('Enter')
    await page.locator('.answer .spoken').getByText('four').waitFor()
    await page.getByRole('button', { name: 'Kill the server' }).click()
    await page.locator('.notice').getByText('goes on with the conversation.').first().waitFor()
    await page.locator('.answer .spoken').last().getByText('twelve').waitFor()
    const path = join(folder, 'pull-the-plug.webp')
    await writeFile(path, await finish())
    console.log(path)
  } finally {
    await context.close()
    await gateway.stop()
  }
}

if (process.argv.includes('--help')) {
  console.log(
    'npm run screenshots -- FOLDER [PAGE …]\n\nMakes pictures of every page, or of those named, in light and dark, and films how a\nconversation survives its server (PAGE plug).',
  )
  process.exit(0)
}
const [folder, ...chosen] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: node tests/browser/screenshots.ts FOLDER [PAGE …]')
await mkdir(folder, { recursive: true })
const gateway = await startGateway()
const browser = await launchChromium()
try {
  for (const name of chosen.length > 0 ? chosen : [...Object.keys(scenes), 'plug'])
    if (name === 'plug') await filmPlug(browser, folder)
    else await shoot(browser, gateway, name, folder)
} finally {
  await browser.close()
  await gateway.stop()
}
