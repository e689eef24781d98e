/** Holds the rooms: who may import whom, who touches the process. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Rooms from the lowest up. A file imports from lower rooms only; files of one folder are parts of one
 * room and may know each other, single files of one room may not.
 */
const rooms: RegExp[] = [
  /^runtime\/(contract|errors)\.ts$/,
  /^runtime\/models\//,
  /^runtime\/(types|fault-boundary)\.ts$/,
  /^runtime\/events\//,
  /^runtime\/(target|model-choice|log|log-output|http|end|clock|page-info)\.ts$/,
  /^runtime\/settings\//,
  /^runtime\/config\.ts$/,
  /^runtime\/(prompt|gateway-info)\.ts$/,
  /^runtime\/(outbox|loop-share|turn|heartbeat|drain|circuit|metrics|session-guard)\.ts$|^runtime\/(store|credentials|recording)\//,
  /^runtime\/(conversation|calls)\//,
  /^runtime\/(session\.ts$|access\/)/,
  /^runtime\/((client-socket|cork-stand)\.ts$|upstream\/)/,
  /^runtime\/(server\.ts$|handlers\/)/,
  /^runtime\/simulator\//,
  /^runtime\/(sideband|sessions)\.ts$/,
  /^runtime\/(gateway|local-tls)\.ts$/,
  /^runtime\/workers\//,
  /^runtime\/main\.ts$/,
]

/** The simulator stands beside the gateway: of its rooms it sees the dictionary and what is pure. */
const highestRoomOfSimulator = 4

const sources = globSync('runtime/**/*.ts', { cwd: root }).filter(file => !file.startsWith('runtime/menu/'))

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(match => match[1] ?? '')
}

function localImports(file: string): string[] {
  return importsOf(file)
    .filter(path => path.startsWith('.'))
    .map(path => relative(root, join(root, dirname(file), path)))
}

const roomOf = (file: string) => rooms.findIndex(room => room.test(file))
const inSimulator = (file: string) => file.startsWith('runtime/simulator/')

test('every file of the runtime stands in a room', t => {
  t.deepEqual(
    sources.filter(file => roomOf(file) < 0),
    [],
  )
})

test('imports point to a lower room, and siblings do not see each other', t => {
  for (const file of sources.filter(file => !inSimulator(file))) {
    for (const imported of localImports(file)) {
      const sameFolder = dirname(file) === dirname(imported) && dirname(file) !== 'runtime'
      t.true(sameFolder || roomOf(imported) < roomOf(file), `${file} imports ${imported}`)
    }
  }
})

test('the simulator imports the dictionary, pure rooms and itself', t => {
  for (const file of sources.filter(inSimulator)) {
    for (const imported of localImports(file)) {
      t.true(
        inSimulator(imported) || roomOf(imported) <= highestRoomOfSimulator,
        `${file} imports ${imported}`,
      )
    }
  }
})

test('one file imports uWebSockets.js', t => {
  t.deepEqual(
    sources.filter(file => importsOf(file).includes('uWebSockets.js')),
    ['runtime/server.ts'],
  )
})

test('process is touched in main.ts alone', t => {
  const mains = ['runtime/main.ts', 'runtime/simulator/main.ts']
  const touching = sources.filter(file =>
    /\bprocess\.(argv|env|exit|on|stdout|stderr|stdin|cwd|memoryUsage|pid)\b/.test(
      readFileSync(join(root, file), 'utf8'),
    ),
  )
  t.deepEqual(
    touching.filter(file => !mains.includes(file)),
    [],
  )
})

test('pages take types from the runtime and nothing else', t => {
  for (const file of globSync('web/**/*.ts', { cwd: root, exclude: ['web/dist/**'] })) {
    const text = readFileSync(join(root, file), 'utf8')
    for (const [line] of text.matchAll(/^import .*runtime\/.*$/gm)) t.regex(line, /^import type /, file)
  }
})

test('the lockfile holds every optional platform package, and no download address', t => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>
  }
  for (const [owner, { optionalDependencies = {}, resolved }] of Object.entries(lock.packages)) {
    t.is(resolved, undefined, owner)
    for (const name of Object.keys(optionalDependencies)) {
      const found =
        `node_modules/${name}` in lock.packages || `${owner}/node_modules/${name}` in lock.packages
      t.true(found, `${owner} wants ${name}: run "node .ci/complete-lockfile.mjs"`)
    }
  }
})
