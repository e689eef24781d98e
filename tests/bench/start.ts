/**
 * How long a gateway takes from the start of its process until `/readyz` answers 200: as `npm start` runs it, and from the
 * files of the image. The image cold too: its files are not in the page cache then, as where it has just been pulled.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { freePort } from '../gateway/free-port.ts'
import { startCommand } from '../gateway/start-command.ts'
import { layOutPlainImage } from '../infra/image-files.ts'
import { type Figure, figureOf } from './figures.ts'
import { cpuMicros } from './process-tree.ts'

export interface StartOptions {
  /** Warm starts of each program; a quarter as many of the image are cold. */
  readonly rounds: number
}

interface Program {
  readonly name: 'gateway' | 'image'
  readonly folder: string
  readonly arguments: readonly string[]
}

interface Measured {
  readonly readyMs: number
  readonly cpuMs: number
}

const root = join(import.meta.dirname, '../..')
const longestStartMs = 60_000
const pollMs = 2
const coldShare = 4

/** As in an image that someone has given an upstream, and nothing else. */
const environment = {
  NODE_ENV: 'production',
  WORKERS: '1',
  AZURE_OPENAI_ENDPOINT: 'https://bench.openai.azure.com/',
  AZURE_OPENAI_API_KEY: 'none',
}

/** Measures both in alternating rounds; the first of each warms up. @throws Error when one does not become ready */
export async function measureStart({ rounds }: StartOptions): Promise<Figure[]> {
  const image = layOutPlainImage({ teardown: remove => void process.once('exit', remove) })
  const own = startCommand().args
  const programs: readonly Program[] = [
    { name: 'gateway', folder: root, arguments: own },
    { name: 'image', folder: image, arguments: own.map(word => word.replace(/main\.ts$/, 'main.js')) },
  ]
  const warm = new Map<string, Measured[]>(programs.map(({ name }) => [name, []]))
  for (let round = -1; round < rounds; round += 1)
    for (const program of round % 2 === 0 ? programs : programs.toReversed()) {
      const measured = await startOnce(program)
      if (round >= 0) warm.get(program.name)?.push(measured)
    }
  const cold: Measured[] = []
  for (let round = 0; round < Math.ceil(rounds / coldShare); round += 1) {
    dropFromCache(image)
    for (const program of programs.filter(({ name }) => name === 'image')) cold.push(await startOnce(program))
  }
  const ready = (all: readonly Measured[]) => all.map(({ readyMs }) => readyMs)
  return [
    ...programs.flatMap(({ name }) => {
      const rounds = warm.get(name) ?? []
      console.error(`start: ${name} ${ready(rounds).map(Math.round).join(' ')}`)
      const cpu = rounds.map(({ cpuMs }) => cpuMs)
      return [
        figureOf('start to ready, warm', name, 'ms', ready(rounds)),
        figureOf('CPU of a start', name, 'ms', cpu),
      ]
    }),
    figureOf('start to ready, cold', 'image', 'ms', ready(cold)),
  ]
}

async function startOnce({ folder, arguments: words }: Program): Promise<Measured> {
  const port = await freePort()
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...startCommand().env, ...environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', chunk => process.stderr.write(chunk))
  const ended = once(child, 'exit')
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null || performance.now() - startedAt > longestStartMs)
        throw new Error(`${folder} is not ready after ${Math.round(performance.now() - startedAt)} ms`)
      await rest(pollMs)
    }
    return { readyMs: performance.now() - startedAt, cpuMs: cpuMicros(child.pid ?? 0) / 1000 }
  } finally {
    await end(child, ended)
  }
}

/** At once: the second signal ends it. */
async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGINT')
  child.kill('SIGINT')
  await ended
}

function isReady(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const request = get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    request.once('error', () => resolve(false))
  })
}

/** Packages that this start does not load. */
const unloaded = ['@azure', '@redis', '@typespec', '@opentelemetry/[!a]*']

/** Asks the kernel to forget an image's files, and Node itself; what another process has mapped stays. */
function dropFromCache(folder: string): void {
  const skipped = unloaded.map(name => `-path '*/node_modules/${name}' -prune -o`).join(' ')
  const names = ['js', 'cjs', 'mjs', 'json', 'node'].map(end => `-name '*.${end}'`).join(' -o ')
  const find = `find -L "$1" ${skipped} -type f \\( ${names} \\) -print0`
  const drop = 'xargs -0 -I FILE dd if=FILE iflag=nocache count=0 status=none'
  execFileSync('sh', ['-c', `{ ${find}; printf '%s\\0' "$2"; } | ${drop}`, 'sh', folder, process.execPath])
}
