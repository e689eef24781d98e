/** The commands of Pulumi and Azure, as a roll-out runs them. */
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { notInstalled } from '../../infra/commands/azure-cli.ts'

/** A preview as JSON has every resource twice. */
const mostOutputBytes = 64 * 1024 * 1024

/** A command that failed, named without its values. */
export class CommandError extends Error {
  /** What it had printed by then; empty where that went to this process's output. */
  readonly printed: string
  constructor(message: string, printed: string) {
    super(message)
    this.printed = printed
  }
}

/** Runs a command and returns what it prints. @throws CommandError when it fails */
export function run(program: string, args: readonly string[], out: 'pipe' | 'inherit' = 'pipe'): string {
  const { status, stdout, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', out, 'inherit'],
    maxBuffer: mostOutputBytes,
  })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') throw new Error(notInstalled(program))
  if (status !== 0)
    throw new CommandError(
      `${program} ${args.slice(0, 3).join(' ')} failed${error ? `: ${error.message}` : ` with ${status}`}`,
      stdout ?? '',
    )
  return (stdout ?? '').trim()
}

/**
 * Runs az with a text that it reads from a file: arguments of a process are for all to read.
 * @param args makes the arguments; its parameter stands for the text
 */
export function runWithText(text: string, args: (reference: string) => readonly string[]): string {
  const file = `az-${randomUUID()}`
  writeFileSync(file, text, { mode: 0o600 })
  try {
    return run('az', args(`@${file}`))
  } finally {
    rmSync(file)
  }
}

/**
 * Signs az in with a fresh proof of GitHub's: a roll-out outlasts the first one (Azure/login#372), and the
 * state is reached by az's sign-in too. Does nothing outside GitHub, where someone has signed in.
 * @param answerMs GitHub is not waited for longer (ms)
 */
export async function signIn(answerMs = 10_000): Promise<void> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env
  const { ARM_CLIENT_ID = '', ARM_TENANT_ID = '' } = process.env
  if (address === undefined || token === undefined) return
  const answer = await fetch(`${address}&audience=api://AzureADTokenExchange`, {
    headers: { Authorization: `bearer ${token}` },
    signal: AbortSignal.timeout(answerMs),
  })
  if (!answer.ok) throw new Error(`GitHub gave no proof of identity (HTTP ${answer.status})`)
  const { value } = (await answer.json()) as { value: string }
  const who = ['--service-principal', '--username', ARM_CLIENT_ID, '--tenant', ARM_TENANT_ID]
  runWithText(value, proof => ['login', ...who, '--federated-token', proof, '--output', 'none'])
}
