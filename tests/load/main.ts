/**
 * `npm run test:load`: the load tests, each by name (`npm run test:load -- hold churn`), or all of them
 * against a gateway of their own. With TARGET_URL only the named ones run, `hold` when none is named.
 *
 * An interrupt ends a test in good order: it still closes its sockets and writes its report, which it
 * could not do if the runner were interrupted itself. A second interrupt ends it at once.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = import.meta.dirname
const suffix = '.load.ts'
const known = readdirSync(folder)
  .filter(file => file.endsWith(suffix))
  .map(file => file.slice(0, -suffix.length))

const asked = process.argv.slice(2)
if (asked.includes('--help')) {
  console.log(
    `npm run test:load -- [names]\n\nLoad tests: ${known.join(', ')}; all of them where none is named.\nTARGET_URL=wss://… aims at a deployed gateway: hold alone where none is named. tests/load/settings.ts lists the variables.`,
  )
  process.exit(0)
}
const unknown = asked.find(name => !known.includes(name))
if (unknown !== undefined) {
  console.error(`"${unknown}" is no load test; there are: ${known.join(', ')}`)
  process.exit(1)
}
const names = asked.length > 0 ? asked : process.env.TARGET_URL ? ['hold'] : known

const place = mkdtempSync(join(tmpdir(), 'load-'))
const stopFile = join(place, 'stop')
const ava = join(folder, '../../node_modules/ava/entrypoints/cli.js')
// A process group of its own: an interrupt at the terminal reaches this process alone.
const runner = spawn(process.execPath, [ava, ...names.map(name => `${name}${suffix}`)], {
  cwd: folder,
  detached: true,
  stdio: 'inherit',
  env: { ...process.env, LOAD_STOP_FILE: stopFile },
})

let interrupts = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupts += 1
    writeFileSync(stopFile, signal)
    if (interrupts > 1 && runner.pid !== undefined) process.kill(-runner.pid, 'SIGKILL')
  })
}
runner.once('exit', code => {
  rmSync(place, { recursive: true })
  process.exit(code ?? 1)
})
