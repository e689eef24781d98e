/** The captions page: what is said into the microphone stands on the page in writing. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { Browser } from 'playwright-core'
import { Turns } from '../../web/captions/turns.ts'
import { launchChromium, until, visit } from './_chromium.ts'
import { type Gateway, startGateway } from './_gateway.ts'

const microphone = readFileSync(fileURLToPath(new URL('_microphone.js', import.meta.url)), 'utf8')
const path = 'captions'

let browser: Browser
let gateway: Gateway

test.before(async () => {
  gateway = await startGateway(0, { TRANSCRIPTION_MODELS: 'gpt-live-transcribe,gpt-4o-transcribe' })
  browser = await launchChromium()
})

test.after.always(async () => {
  await browser?.close()
  await gateway?.stop()
})

test.serial('words stand on the page while somebody speaks, and a pause makes them a caption', async t => {
  const options = { before: microphone, ready: 'Not connected' }
  const { page, faults } = await visit(t, browser, gateway.url + path, options)
  await page.getByRole('button', { name: 'Start captions' }).click()
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.evaluate('microphone.speak(true)')
  await page.locator('.caption[data-state=spoken][aria-busy=true]').getByText('(simulated:').waitFor()
  await page.evaluate('microphone.speak(false)')
  const written = page.locator('.caption[data-state=written]')
  await written.getByText(/^\(simulated: a voice spoke for \d+\.\d seconds\)$/).waitFor()
  await page.evaluate('microphone.speak(true)')
  await page.locator('.caption[data-state=spoken]').waitFor()
  await page.getByRole('button', { name: 'Stop captions' }).click()
  await until(page, "document.querySelectorAll('.caption[data-state=written]').length === 2")
  await page.getByText('Not connected', { exact: true }).waitFor()
  t.deepEqual(faults, [])
})

test.serial('a model that writes down afterwards does so in the same way', async t => {
  const options = { before: microphone, ready: 'Not connected' }
  const { page, faults } = await visit(t, browser, gateway.url + path, options)
  await page.getByLabel('Model').selectOption('gpt-4o-transcribe')
  await page.getByRole('button', { name: 'Start captions' }).click()
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.evaluate('microphone.speak(true)')
  await page.waitForTimeout(500)
  await page.getByRole('button', { name: 'Stop captions' }).click()
  await page.locator('.caption[data-state=written]').getByText('(simulated:').waitFor()
  t.deepEqual(faults, [])
})

test('silence belongs to no turn: the next one is as long as if nothing came before', t => {
  const chunkMs = 40
  const turns = new Turns()
  const endOf = (volumes: readonly number[]) =>
    volumes.findIndex(volume => turns.take(new Int16Array(960).fill(volume)))
  const of = (ms: number, volume: number) => new Array<number>(ms / chunkMs).fill(volume)
  t.is(endOf(of(60_000, 0)), -1)
  t.is(endOf(of(3000, 5000)), -1)
  t.is(endOf(of(1000, 0)), Math.ceil(700 / chunkMs) - 1)
  // A click now and then is no speech.
  for (let click = 0; click < 10; click++) t.is(endOf([5000, ...of(1000, 0)]), -1)
  t.false(turns.hasSpeech)
})

test.serial('a microphone that is refused is explained, and no session is kept for it', async t => {
  const { page } = await visit(t, browser, gateway.url + path, { ready: 'Not connected' })
  await page.evaluate(`navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException('no', 'NotAllowedError'))`)
  await page.getByRole('button', { name: 'Start captions' }).click()
  await page.getByRole('alert').getByText('not allowed').waitFor()
  t.is(await page.getByRole('button', { name: 'Start captions' }).getAttribute('aria-pressed'), 'false')
  await page.locator('#line-words').getByText('Not connected', { exact: true }).waitFor()
})
