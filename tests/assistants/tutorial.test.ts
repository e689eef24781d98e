/** `docs/customize.md` and `docs/tools.md`, typed as they stand there into a fresh copy: from nothing to one's own tested tool. */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { patienceMs, within } from '../gateway/within.ts'

const root = join(import.meta.dirname, '../..')

/** The sections that are typed, in their order. */
const sections = [
  ['docs/customize.md', '## 1. Make a folder'],
  ['docs/customize.md', '## 2. Talk with it'],
  ['docs/tools.md', '## Your first tool, in ten minutes'],
] as const

type Step =
  | { readonly kind: 'write'; readonly path: string; readonly text: string }
  | { readonly kind: 'replace'; readonly path: string; readonly was: string; readonly is: string }
  | {
      readonly kind: 'run'
      readonly command: string
      readonly typed: readonly string[]
      /** Lines that come in this order; `…` stands for anything. */
      readonly shown: readonly string[]
    }

const fence = /(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$/gms
const replacement = /in `([^`]+)`, replace `([^`]+)` by\s+`([^`]+)`/g

/** Reads what a section has its reader write, replace and run. */
function stepsOf(page: string, heading: string): Step[] {
  const text = readFileSync(join(root, page), 'utf8')
  const start = text.indexOf(`\n${heading}\n`)
  if (start < 0) throw new Error(`${page} has no "${heading}"`)
  const end = text.indexOf('\n## ', start + 1)
  const section = text.slice(start, end)
  const steps: (readonly [at: number, steps: Step[]])[] = [
    ...[...section.matchAll(fence)].map(({ index, 1: path, 2: language = '', 3: code = '' }) => {
      if (path !== undefined) return [index, [{ kind: 'write', path, text: code }]] as const
      if (language === 'sh') return [index, code.trim().split('\n').map(runOf)] as const
      return [index, language === 'console' ? [consoleOf(code)] : []] as const
    }),
    ...[...section.matchAll(replacement)].map(({ index, 1: path = '', 2: was = '', 3: is = '' }) => {
      return [index, [{ kind: 'replace', path, was, is }]] as const
    }),
  ] as (readonly [number, Step[]])[]
  return steps.sort(([a], [b]) => a - b).flatMap(([, step]) => step)
}

function runOf(command: string): Step {
  return { kind: 'run', command, typed: [], shown: [] }
}

/** A command behind `$`, lines that are typed behind `>`, and what is shown. */
function consoleOf(code: string): Step {
  const [command = '', ...lines] = code.trim().split('\n')
  const isTyped = (line: string) => line.startsWith('> ')
  return {
    kind: 'run',
    command: command.replace(/^\$ /, ''),
    typed: lines.filter(isTyped).map(line => line.slice(2)),
    shown: lines.filter(line => !isTyped(line)),
  }
}

/** A copy of the project as a clone has it, with its packages. */
function freshCopy(t: ExecutionContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tutorial-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const left = new Set(['node_modules', '.git', '.env', '.node', 'reports'])
  cpSync(root, folder, { recursive: true, filter: path => !left.has(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** Runs a command in a shell. @returns its exit code, and what it wrote */
async function run(folder: string, command: string, typed: readonly string[]) {
  // Its own runner of tests; packages that are there need not be looked at.
  const { NODE_TEST_CONTEXT: _, AZURE_OPENAI_ENDPOINT: __, OPENAI_API_KEY: ___, ...env } = process.env
  const path = (env.PATH ?? '').split(delimiter).filter(each => !each.includes('node_modules'))
  const child = spawn('sh', ['-c', command], {
    cwd: folder,
    detached: true,
    env: { ...env, PATH: path.join(delimiter), npm_config_ignore_scripts: 'true' },
  })
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', data => {
      out += data
    })
  // A command that reads nothing may have ended already: EPIPE.
  child.stdin.on('error', () => undefined)
  child.stdin.end(typed.map(line => `${line}\n`).join(''))
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const status = await within(ended, 4 * patienceMs, `"${command}" does not end`).catch(fault => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    throw fault
  })
  return { status, out }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** Fails where a shown line does not come, or not in its order. */
function assertShown(t: ExecutionContext, out: string, shown: readonly string[]): void {
  const lines = out.split('\n')
  let at = 0
  for (const line of shown) {
    const pattern = new RegExp(`^${line.split('…').map(escapePattern).join('.*')}$`)
    const found = lines.findIndex((each, index) => index >= at && pattern.test(each))
    t.true(found >= 0, `"${line}" is not shown:\n${out}`)
    at = found + 1
  }
}

test('the pages lead from nothing to a tool of one’s own, whose tests fail when it is broken', async t => {
  t.timeout(10 * 60_000)
  const folder = freshCopy(t)
  const steps = sections.flatMap(([page, heading]) => stepsOf(page, heading))
  const commands: string[] = []
  let isBroken = false
  for (const step of steps) {
    if (step.kind === 'write') writeFileSync(join(folder, step.path), step.text)
    else if (step.kind === 'replace') {
      const text = readFileSync(join(folder, step.path), 'utf8')
      t.is(text.split(step.was).length, 2, `${step.path} has "${step.was}" once`)
      writeFileSync(
        join(folder, step.path),
        text.replace(step.was, () => step.is),
      )
      isBroken = true
    } else {
      commands.push(step.command)
      const { status, out } = await run(folder, step.command, step.typed)
      t.is(status, isBroken ? 1 : 0, `${step.command}\n${out}`)
      assertShown(t, out, step.shown)
    }
  }
  t.deepEqual(commands, [
    'mkdir assistants/library',
    'npm run try -- library',
    'mkdir assistants/library/tools assistants/library/tests',
    'npm run try -- library',
    'npx node --test assistants/library/tests/reserve_book.test.ts',
    'npm run try -- library --test',
    'npm run try -- library --test',
  ])
  t.true(isBroken)
  const check = await run(folder, 'node_modules/.bin/biome check assistants/library', [])
  t.is(check.status, 0, `"npm run check" refuses what the pages show:\n${check.out}`)
})
