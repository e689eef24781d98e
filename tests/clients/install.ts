/** Installs the clients, at their exact versions, into a temporary folder that later runs use again. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readNpmPins, readPythonPins } from './roster.ts'

export interface Installed {
  /** Holds the scripts, beside the packages that they import. */
  readonly talks: string
  readonly python: string
  /** Holds a certificate of the gateway. */
  readonly tls: string
}

/** One package manager (ms). */
const installDeadlineMs = 600_000

/**
 * Installs what is not there yet.
 *
 * @param say told of what takes long
 * @throws Error with the end of what pip or npm said
 */
export function installClients(say: (line: string) => void): Installed {
  const [npmPins, pythonPins] = [readNpmPins(), readPythonPins()]
  const hash = createHash('sha256').update(JSON.stringify([npmPins, pythonPins, process.version]))
  const folder = join(tmpdir(), `gateway-clients-${hash.digest('hex').slice(0, 12)}`)
  const python = join(folder, 'venv/bin/python')
  const stamp = join(folder, 'installed')
  if (!existsSync(stamp)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const manifest = { name: 'clients', private: true, type: 'module', dependencies: npmPins }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
    say(`installing ${Object.keys(npmPins).length} packages from npm and ${pythonPins.length} from PyPI …`)
    run(folder, 'npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'])
    run(folder, 'python3', ['-m', 'venv', join(folder, 'venv')])
    run(folder, python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...pythonPins])
    writeFileSync(stamp, '')
  }
  const talks = join(folder, 'talks')
  rmSync(talks, { recursive: true, force: true })
  cpSync(join(import.meta.dirname, 'talks'), talks, { recursive: true })
  return { talks, python, tls: join(folder, 'tls') }
}

function run(cwd: string, program: string, args: readonly string[]): void {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: installDeadlineMs,
  })
  if (status === 0) return
  const said = `${stdout ?? ''}${stderr ?? ''}`.slice(-2000)
  throw new Error(
    `"${program} ${args.join(' ')}" failed (${error?.message ?? `exit code ${status}`}): ${said}`,
  )
}
