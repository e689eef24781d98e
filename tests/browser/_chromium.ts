/** A real Chromium from the npm packages, and pages in it that report everything that goes wrong. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sparticuz from '@sparticuz/chromium'
import type { ExecutionContext } from 'ava'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const cache = fileURLToPath(new URL('../../node_modules/.cache/chromium', import.meta.url))
const tap = fileURLToPath(new URL('_tap.js', import.meta.url))

const untilMs = 20_000
const pollMs = 10

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A beep once a second takes the microphone's place, and nobody has to allow it.
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
]

/** Starts one browser; close it in `test.after.always`. @param more flags besides the usual ones */
export async function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: await unpackChromium(), args: [...flags, ...more] })
}

/** The package carries the browser compressed. Test files run at once: each unpacks aside, the first one's stays. */
async function unpackChromium(): Promise<string> {
  const executable = join(cache, 'chromium')
  if (existsSync(executable)) return executable
  await mkdir(join(cache, '..'), { recursive: true })
  const aside = await mkdtemp(`${cache}-`)
  const { TMPDIR } = process.env
  process.env.TMPDIR = aside
  await sparticuz.executablePath()
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  await rename(aside, cache).catch(() => rm(aside, { recursive: true }))
  return executable
}

export interface Visit {
  page: Page
  /** Console errors and warnings, exceptions, violations of the page's policy, requests to other hosts. */
  faults: string[]
}

export interface VisitOptions extends BrowserContextOptions {
  /** JavaScript that runs before the page's own. */
  before?: string
  /** What the head of the page says once it is ready; default `Connected`. */
  ready?: string
}

/**
 * Opens a page in a context of its own, for as long as the test lasts, and waits until it is ready.
 */
export async function visit(
  t: ExecutionContext,
  browser: Browser,
  url: string,
  options: VisitOptions = {},
): Promise<Visit> {
  const { before, ready = 'Connected', ...contextOptions } = options
  const context = await browser.newContext({ locale: 'en-US', ...contextOptions })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const faults: string[] = []
  const host = new URL(url).host
  const expectHost = (address: string) => {
    if (new URL(address).host !== host) faults.push(`request to ${address}`)
  }
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', error => faults.push(`exception: ${error.message}`))
  page.on('request', request => expectHost(request.url()))
  page.on('websocket', socket => expectHost(socket.url()))
  if (before !== undefined) await page.addInitScript(before)
  await page.addInitScript({ path: tap })
  await page.goto(url)
  await page.locator('#line-words').getByText(ready, { exact: true }).waitFor()
  return { page, faults }
}

/** Types a message and sends it with Enter. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text)
  await page.getByLabel('Message').press('Enter')
}

/** What the first match says. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).first().textContent()) ?? ''
}

/** Waits until sound reaches the loudspeaker. */
export async function hearSound(page: Page): Promise<void> {
  await until(page, 'loudspeaker.level() > 0.01')
}

/**
 * Waits until a JavaScript expression is true in the page. Playwright's own way evaluates strings inside the
 * page, which its content policy forbids.
 */
export async function until(page: Page, expression: string): Promise<void> {
  const deadline = Date.now() + untilMs
  while (!(await page.evaluate(expression))) {
    if (Date.now() > deadline) throw new Error(`never came true: ${expression}`)
    await setTimeout(pollMs)
  }
}
