/** A real Chromium with a microphone that plays a file, on a page from which a simulator may be called. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { pcmRate } from '../../runtime/core/contract.ts'
import { createSpeechSynthesizer } from '../../runtime/simulator/voice/speaker.ts'
import { launchChromium } from '../browser/_chromium.ts'

/** A page that is called plays what it hears before anybody has touched it. */
const withoutGesture = '--autoplay-policy=no-user-gesture-required'

export interface Stall {
  /** A fresh page on localhost, which is a secure context. */
  page(scripts?: Record<string, string>): Promise<Page>
  close(): Promise<void>
}

/**
 * Starts a browser whose microphone says `words` again and again.
 *
 * @param files path → content of what the page's server gives besides the page
 * @param silenceSec before the words, and again after them
 */
export async function openStall(
  words: string,
  files: Record<string, string> = {},
  silenceSec = 1,
): Promise<Stall> {
  const folder = await mkdtemp(join(tmpdir(), 'microphone-'))
  const sound = join(folder, 'microphone.wav')
  await writeFile(sound, wavOf(words, silenceSec))
  const browser = await launchChromium([withoutGesture, `--use-file-for-fake-audio-capture=${sound}`])
  const server = createServer((request, response) => {
    const file = files[request.url ?? '/']
    const type = file === undefined ? 'text/html' : 'text/javascript'
    response
      .writeHead(200, { 'content-type': type })
      .end(file ?? '<!doctype html><title>call</title><body></body>')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    page: async () => {
      const page = await browser.newPage()
      await page.goto(`http://localhost:${port}/`)
      return page
    },
    close: async () => {
      await browser.close()
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true })
    },
  }
}

function wavOf(words: string, silenceSec: number): Buffer {
  const speech = [...createSpeechSynthesizer(1).speak(words, 'ash', 1)]
  const pause = new Int16Array(silenceSec * pcmRate)
  const samples = [pause, ...speech.map(chunk => chunk.samples), pause]
  const data = Buffer.concat(samples.map(part => Buffer.from(part.buffer, part.byteOffset, part.byteLength)))
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + data.length, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(pcmRate, 24)
  header.writeUInt32LE(pcmRate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(data.length, 40)
  return Buffer.concat([header, data])
}
