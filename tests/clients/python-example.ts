/** Runs `examples/openai_sdk.py` as its reader does, with the Python that has the package. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Gateway } from './run.ts'

export const pythonExample = 'examples/openai_sdk.py'

const file = join(import.meta.dirname, '../..', pythonExample)
const deadlineMs = 30_000
const words = 'good morning'

/** @param python the interpreter @returns what did not hold; null: it printed the answer and ended with 0 */
export async function runPythonExample(
  { url, certFile }: Pick<Gateway, 'url' | 'certFile'>,
  python: string,
): Promise<string | null> {
  const child = spawn(python, [file, `repeat after me: ${words}`], {
    env: { PATH: process.env.PATH, GATEWAY_URL: url, SSL_CERT_FILE: certFile },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
  })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    said.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    said.stderr += chunk
  })
  const code = await new Promise<number | string | null>(resolve => {
    child.once('error', fault => resolve(fault.message))
    child.once('close', resolve)
  })
  if (code !== 0) return `it ended with ${code}: ${said.stderr.trim().slice(-1500)}`
  return said.stdout === words ? null : `it printed "${said.stdout}" in place of "${words}"`
}
