/** What holds for every page: accessibility, size, policy, width, stillness. */
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, say, type Visit, type VisitOptions, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const maxPageBytes = 60_000

let browser: Browser
let gateway: Gateway

test.before(async () => {
  gateway = await startGateway()
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

const pages = [
  {
    name: 'chat',
    path: '',
    ready: 'Connected',
    japaneseReady: '接続済み',
    use: async (page: Page) => {
      await say(page, 'hello')
      await page.locator('.answer').getByText('You said: hello').waitFor()
      await page.locator('.answer[data-state=complete]').waitFor()
      await page.evaluate(`navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('no', 'NotAllowedError'))`)
      await page.getByRole('button', { name: 'Open microphone' }).click()
      await page.getByRole('alert').getByText('not allowed').waitFor()
    },
  },
  {
    name: 'playground',
    path: 'playground',
    ready: 'Not connected',
    japaneseReady: '未接続',
    use: async (page: Page) => {
      await page.getByLabel('Endpoint').selectOption('/v1/realtime')
      await page.getByRole('button', { name: 'Send', exact: true }).click()
      await page.locator('#raw').getByText('twelve').waitFor()
      await page.locator('.event:visible').last().click()
    },
  },
  {
    name: 'captions',
    path: 'captions',
    ready: 'Not connected',
    japaneseReady: '未接続',
    use: async (page: Page) => {
      // A beep once a second takes the microphone's place.
      await page.getByRole('button', { name: 'Start captions' }).click()
      await page.locator('.caption').first().waitFor()
    },
  },
  {
    name: 'sideband',
    path: 'sideband',
    ready: 'No call',
    japaneseReady: '通話なし',
    use: async (page: Page) => {
      await page.getByRole('button', { name: 'Run the three steps' }).click()
      await page.getByText('Call under control').waitFor()
      await page.locator('.session').first().waitFor()
    },
  },
]

const widths = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } }

function open(
  t: Parameters<typeof visit>[0],
  { path, ready }: { path: string; ready: string },
  options: VisitOptions = {},
): Promise<Visit> {
  return visit(t, browser, gateway.url + path, { ready, ...options })
}

/** Serious and critical faults that axe finds, each in one line. */
async function axeFaults(page: Page): Promise<string[]> {
  // The page's policy forbids foreign scripts; the debugger's own world does not obey it.
  await page.evaluate(`${axe};undefined`)
  const { passes, violations } = (await page.evaluate('axe.run()')) as {
    passes: unknown[]
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  }
  if (passes.length < 10) throw new Error('axe looked at nothing')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

async function unfold(page: Page): Promise<void> {
  await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
}

for (const page of pages)
  test.serial(
    `axe finds no serious fault on ${page.name}, fresh and in use, on phone and desktop, in light and dark`,
    async t => {
      for (const viewport of Object.values(widths))
        for (const colorScheme of ['light', 'dark'] as const) {
          const visited = await open(t, page, { viewport, colorScheme, reducedMotion: 'reduce' })
          await unfold(visited.page)
          t.deepEqual(await axeFaults(visited.page), [], `${viewport.width} ${colorScheme}`)
          await page.use(visited.page)
          t.deepEqual(await axeFaults(visited.page), [], `${viewport.width} ${colorScheme}, in use`)
          t.deepEqual(visited.faults, [])
        }
    },
  )

/** Half of a usual screen's width: what a zoom of 200 % leaves. */
const zoomed = { width: 640, height: 400 }

for (const page of pages)
  test.serial(
    `axe finds no serious fault on ${page.name} in either language, also at 200 % zoom`,
    async t => {
      for (const [locale, ready] of [
        ['en-US', page.ready],
        ['ja-JP', page.japaneseReady],
      ] as const)
        for (const viewport of [widths.desktop, zoomed]) {
          const { page: tab, faults } = await open(t, page, {
            locale,
            ready,
            viewport,
            reducedMotion: 'reduce',
          })
          await unfold(tab)
          t.deepEqual(await axeFaults(tab), [], `${locale}, ${viewport.width}`)
          t.is(await tab.evaluate('document.documentElement.scrollWidth'), viewport.width)
          t.deepEqual(faults, [])
        }
    },
  )

for (const page of pages)
  test.serial(`${page.name} is under 60 kB compressed and loads nothing from elsewhere`, async t => {
    const { page: tab, faults } = await open(t, page)
    const loaded = await tab.evaluate(`Promise.all(
      performance.getEntriesByType('resource').map(({ name }) => name).concat(location.href)
        .map(async url => (await fetch(url, { method: 'GET', cache: 'force-cache' })).url))`)
    const addresses = [...new Set(loaded as string[])]
    let bytes = 0
    for (const address of addresses) bytes += await compressedBytes(address)
    t.log(`${page.name}: ${bytes} bytes compressed in ${addresses.length} files`)
    t.true(bytes > 5000 && bytes < maxPageBytes)
    t.deepEqual(faults, [])
  })

for (const { name, path } of pages)
  test.serial(`${name} is served with a strict content policy`, async t => {
    const { headers } = await fetch(gateway.url + path)
    const policy = headers.get('content-security-policy') ?? ''
    t.regex(policy, /default-src 'self'/)
    t.notRegex(policy, /unsafe|\*|data:/)
  })

/** Length of a file as it travels; Node's `fetch` would decode it. */
function compressedBytes(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(address, { headers: { 'Accept-Encoding': 'br' } }, response => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      response.on('end', () => resolve(bytes))
    })
      .on('error', reject)
      .end()
  })
}

for (const page of pages)
  test.serial(`nothing on ${page.name} moves while it loads, and nothing is wider than a phone`, async t => {
    for (const viewport of Object.values(widths)) {
      const { page: tab } = await open(t, page, { viewport })
      await unfold(tab)
      t.is(await tab.evaluate('document.documentElement.scrollWidth'), viewport.width)
      // The page is painted before its program comes, as on a slow line.
      await tab.route('**/assets/*.js', async route => {
        await wait(250)
        await route.continue()
      })
      await tab.reload()
      await tab.locator('#line-words').getByText(page.ready, { exact: true }).waitFor()
      const shift = await tab.evaluate(`new Promise(resolve => {
        let sum = 0
        new PerformanceObserver(list => {
          for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value
        }).observe({ type: 'layout-shift', buffered: true })
        requestAnimationFrame(() => setTimeout(() => resolve(sum), 100))
      })`)
      t.true(Number(shift) < 0.01, `${viewport.width}: ${shift}`)
    }
  })

test.serial('the pages lead to each other, and each says which one it is', async t => {
  const { page, faults } = await open(t, { path: '', ready: 'Connected' })
  for (const name of ['Playground', 'Captions', 'Sideband', 'Chat']) {
    await page.getByRole('link', { name, exact: true }).press('Enter')
    await page.getByRole('heading', { level: 1, name }).waitFor()
    t.is(await page.locator('[aria-current=page]').textContent(), name)
    await page.locator('#provider-badge').getByText('Simulator').waitFor()
  }
  t.deepEqual(faults, [])
})

for (const page of pages)
  test.serial(`every control of ${page.name} is reached by Tab and shows it`, async t => {
    const { page: tab } = await open(t, page)
    const wanted = Number(
      await tab.evaluate(`[...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex="0"]')]
        .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !e.closest('dialog')).length`),
    )
    await tab.evaluate('document.activeElement.blur(); reached = new Set(); hidden = []')
    for (let presses = 0; presses < wanted + 3; presses++) {
      await tab.keyboard.press('Tab')
      await tab.evaluate(`{
        const focused = document.activeElement
        if (focused !== document.body) reached.add(focused)
        const ring = getComputedStyle(focused.closest('.composer:has(textarea:focus)') ?? focused).outlineStyle
        if (focused !== document.body && ring !== 'solid') hidden.push(focused.outerHTML.slice(0, 80))
      }`)
    }
    t.deepEqual(await tab.evaluate('hidden'), [])
    t.true(Number(await tab.evaluate('reached.size')) >= wanted - 1, `of ${wanted}`)
  })

/** 400 kbit/s, with the way there and back of a mobile line. */
const slowLine = { offline: false, latency: 60, downloadThroughput: 50_000, uploadThroughput: 50_000 }
const maxSlowMs = 2000

for (const page of pages)
  test.serial(`${page.name} is there within 2 s of a cold start on 400 kbit/s`, async t => {
    const context = await browser.newContext({ locale: 'en-US' })
    t.teardown(() => context.close())
    const tab = await context.newPage()
    const debug = await context.newCDPSession(tab)
    await debug.send('Network.enable')
    await debug.send('Network.emulateNetworkConditions', slowLine)
    await tab.goto(gateway.url + page.path)
    await tab.locator('#line-words').getByText(page.ready, { exact: true }).waitFor()
    // The line alone is measured: how long programs take depends on what else this machine does.
    const [lastMs, files] = (await tab.evaluate(`(() => {
      const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      return [Math.max(...loaded.map(({ responseEnd }) => responseEnd)), loaded.length]
    })()`)) as [number, number]
    t.log(`${page.name}: the last of ${files} files was there after ${Math.round(lastMs)} ms`)
    // Emulation is on: nothing comes faster than the way there and back.
    t.true(lastMs > slowLine.latency)
    t.true(lastMs < maxSlowMs, `${Math.round(lastMs)} ms`)
  })

/** What a screen reader finds on each page: `UPDATE_TREES=1 npx ava tests/browser/pages.test.ts` writes it anew. */
const treeOf = (name: string) => new URL(`trees/${name}.txt`, import.meta.url)

for (const page of pages)
  test.serial(`a screen reader finds on ${page.name} what it found before`, async t => {
    // Other tests leave sessions and usage behind, which stand on the pages.
    const unused = await startGateway()
    t.teardown(() => unused.stop())
    const { page: tab } = await visit(t, browser, `${unused.url}${page.path}`, { ready: page.ready })
    // The list of all event types is left folded: it is no part of the page's order.
    await tab.evaluate(
      "for (const fold of document.querySelectorAll('details:not(#allow-list)')) fold.open = true",
    )
    const tree = `${(await tab.locator('body').ariaSnapshot()).replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')}\n`
    if (process.env.UPDATE_TREES === '1') writeFileSync(treeOf(page.name), tree)
    t.is(tree, readFileSync(treeOf(page.name), 'utf8'))
  })
