/**
 * `npm run dev`: the gateway and its pages, rebuilt and restarted whenever a file changes: code, template, menu, schema
 * and pages. A restart ends the gateway at once: nobody waits for a drain of his own conversations.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

const watch = [
  '--watch',
  '--watch-preserve-output',
  '--watch-kill-signal=SIGKILL',
  '--watch-path=runtime',
  '--watch-path=web/dist',
]
const children = [
  // What was there stays until it is overwritten: a gateway that restarts meanwhile finds its pages.
  spawn(
    process.execPath,
    [
      'node_modules/vite/bin/vite.js',
      'build',
      '--watch',
      '--mode=development',
      '--emptyOutDir=false',
      '--logLevel=warn',
    ],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  ),
  spawn(
    process.execPath,
    [...watch, '--use-env-proxy', '--min-semi-space-size=8', 'runtime/main.ts', ...process.argv.slice(2)],
    // Workers would outlive the supervisor that a restart ends, and hold the port.
    { cwd: root, stdio: 'inherit', env: { WORKERS: '1', ...process.env } },
  ),
]
const end = () => {
  for (const child of children) child.kill('SIGTERM')
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
for (const child of children)
  child.once('exit', code => {
    process.exitCode ??= code ?? 0
    end()
  })
