/** A project folder, a state and an account of their own, and the CLI that works on them. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { Diagnostic, PreviewStep } from '../../../.github/scripts/preview-report.ts'
import { Account } from './account.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
const packages = ['azure-native', 'docker-build', 'random']

/** Whether the CLI and its language host for Node are there. */
export const hasCli = ['pulumi', 'pulumi-language-nodejs'].every(
  name => spawnSync('which', [name]).status === 0,
)

/** A run is given up after this (ms). */
const runMs = 170_000

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  /** Both streams, for a person. */
  readonly text: string
}

export interface Plan {
  readonly steps: readonly PreviewStep[]
  readonly diagnostics: readonly Diagnostic[]
}

export interface Workplace {
  /** Runs `pulumi` on the stack, and fails the test when it fails. */
  readonly pulumi: (...args: readonly string[]) => Promise<Outcome>
  /** The same, whatever it ends with. */
  readonly attempt: (...args: readonly string[]) => Promise<Outcome>
  readonly preview: (...args: readonly string[]) => Promise<Plan>
  readonly output: (name: string) => Promise<unknown>
  /** The account as it is now. */
  readonly account: () => Account
  /** What the next build yields. */
  readonly setDigest: (digit: string) => void
  readonly folder: string
}

/** Sets a workplace up for a stack; nothing of the repository is written to. */
export function setUp(t: ExecutionContext, stack: string): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const project = join(folder, 'project')
  for (const name of ['project', 'bin', 'state', 'home']) mkdirSync(join(folder, name))
  for (const name of ['Pulumi.yaml', `Pulumi.${stack}.yaml`]) cpSync(join(root, name), join(project, name))
  for (const name of ['index.ts', 'infra', 'runtime', 'node_modules', 'package.json', 'tsconfig.json'])
    symlinkSync(join(root, name), join(project, name))
  for (const name of packages) servePlugin(join(folder, 'bin'), name)
  const [accountFile, digestFile] = [join(folder, 'account.json'), join(folder, 'digest')]
  const setDigest = (digit: string) => writeFileSync(digestFile, `sha256:${digit.repeat(64)}`)
  setDigest('a')
  const env = {
    PATH: `${join(folder, 'bin')}:${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    HOME: join(folder, 'home'),
    PULUMI_HOME: join(folder, 'home'),
    // Without side files of attributes: they are written in place, and the engine, which reads this stack's own state
    // while it writes it, finds them empty now and then ("failed to load checkpoint: EOF").
    PULUMI_BACKEND_URL: `file://${join(folder, 'state')}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: 'a passphrase for a test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    NODE_OPTIONS: `--import ${join(here, 'registry-answer.mjs')}`,
    STAND_IN_ACCOUNT: accountFile,
    STAND_IN_DIGEST: digestFile,
  }
  const attempt = (...args: readonly string[]) =>
    run(t, 'pulumi', [...args, '--stack', stack, '--non-interactive'], { cwd: project, env })
  const pulumi = async (...args: readonly string[]) => {
    const outcome = await attempt(...args)
    if (outcome.code !== 0)
      throw new Error(`pulumi ${args.join(' ')} ended with ${outcome.code}:\n${outcome.text}`)
    return outcome
  }
  return {
    folder,
    pulumi,
    attempt,
    preview: async (...args) => JSON.parse((await pulumi('preview', '--json', ...args)).stdout) as Plan,
    output: async name => JSON.parse((await pulumi('stack', 'output', name, '--json')).stdout),
    account: () => new Account(accountFile),
    setDigest,
  }
}

function servePlugin(folder: string, name: string): void {
  const file = join(folder, `pulumi-resource-${name}`)
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${join(here, 'plugin.ts')}" ${name} "$@"\n`)
  chmodSync(file, 0o755)
}

function run(
  t: ExecutionContext,
  program: string,
  args: readonly string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): Promise<Outcome> {
  t.timeout(runMs)
  const child = spawn(program, args, { cwd, env, timeout: runMs, killSignal: 'SIGKILL' })
  let stdout = ''
  let text = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
    text += chunk
  })
  child.stderr.on('data', chunk => {
    text += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, text }))
  })
}
