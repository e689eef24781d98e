/**
 * Stand-ins of Pulumi and az on the path: they write down what they were asked, files that they were pointed to
 * included, and answer as the real ones do.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { azureHands } from '../../.github/scripts/azure-hands.ts'
import { findWrongNames } from '../documents/programs.ts'

interface Asked {
  readonly program: string
  readonly args: readonly string[]
  /** What stands in the file of an argument `@file`. */
  readonly text?: string
}

/** Answers by the beginning of a command line; the longest that fits. A number is an exit code, with or without a text. */
export type Answers = Readonly<
  Record<string, string | number | { readonly code: number; readonly text: string }>
>

const program = `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs')
const { basename, dirname, join } = require('node:path')
const here = dirname(process.argv[1])
const [program, args] = [basename(process.argv[1]), process.argv.slice(2)]
const file = args.find(arg => arg.startsWith('@'))
const text = file && readFileSync(file.slice(1), 'utf8')
appendFileSync(join(here, 'asked'), JSON.stringify({ program, args, text }) + '\\n')
const line = [program, ...args].join(' ')
const answers = JSON.parse(readFileSync(join(here, 'answers'), 'utf8'))
const [fit] = Object.keys(answers).filter(start => line.startsWith(start)).sort((a, b) => b.length - a.length)
const answer = answers[fit] ?? ''
if (typeof answer === 'number') process.exit(answer)
process.exitCode = answer.code ?? 0
console.log(answer.text ?? answer)
`

const outputs: Answers = {
  'pulumi preview': JSON.stringify({ steps: [] }),
  'pulumi stack output --json': JSON.stringify({ revisions: [{ revision: 'app--rblue', weight: 100 }] }),
  'pulumi stack output revisions --json': JSON.stringify([{ revision: 'app--rblue' }]),
  'pulumi stack output containerAppName': 'app',
  'pulumi stack output containerAppUrl': 'https://app.kindsea.azurecontainerapps.io',
  'pulumi stack output resourceGroup': 'app-rg',
  'pulumi stack output smokeJob': 'app-smoke',
  'pulumi stack output imageRef': 'a.azurecr.io/b@sha256:0',
  'pulumi stack output logWorkspace': '/subscriptions/s/workspaces/logs',
}

export function standIns(t: ExecutionContext, answers: Answers = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const name of ['pulumi', 'az']) {
    writeFileSync(join(folder, name), program)
    chmodSync(join(folder, name), 0o755)
  }
  writeFileSync(join(folder, 'answers'), JSON.stringify({ ...outputs, ...answers }))
  writeFileSync(join(folder, 'asked'), '')
  const asked = () => {
    const commands = readFileSync(join(folder, 'asked'), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Asked)
    t.deepEqual(
      commands.flatMap(({ program, args }) => findWrongNames([program, ...args])),
      [],
    )
    return commands
  }
  return { path: `${folder}:${process.env.PATH}`, asked }
}

/** Hands whose commands are the stand-ins; one test at a time, as the path is the process's. */
export function handsWith(t: ExecutionContext, answers: Answers = {}, credential = '', audience = '') {
  const { path, asked } = standIns(t, answers)
  const before = process.env.PATH
  process.env.PATH = path
  t.teardown(() => {
    process.env.PATH = before
  })
  const waits: number[] = []
  const wait = async (seconds: number) => {
    waits.push(seconds)
  }
  return { hands: azureHands({ stack: 'dev', sockets: 1, credential, audience, wait }), asked, waits }
}

export const lineOf = ({ program, args }: Asked) => [program, ...args].join(' ')
