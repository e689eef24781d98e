/** `docs/customize.md`, step by step as it stands there, and `npm run try` as somebody runs it who does not know it. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { patienceMs, within } from '../gateway/within.ts'
import { assistant, type Files, folderWith } from './folders.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/customize.md'), 'utf8')

/** The files that the page has one write, by path below `assistants/`. */
const files: Files = Object.fromEntries(
  [...page.matchAll(/^`assistants\/([^`]+)`:\n\n```\w+\n(.*?)^```$/gms)].map(([, path = '', text = '']) => [
    path,
    text,
  ]),
)

/** The folder of a command's arguments, as the page has it. */
const command = /^npm run try -- (\S+)$/m.exec(page)?.[1] ?? ''

interface Run {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** Runs the terminal with lines piped in. */
async function tryOut(folder: string, args: readonly string[], lines: readonly string[]): Promise<Run> {
  const env = { PATH: process.env.PATH, ASSISTANTS_DIR: folder }
  const child = spawn(process.execPath, ['runtime/try/main.ts', ...args], { cwd: root, env })
  const text = { out: '', err: '' }
  child.stdout.on('data', data => {
    text.out += data
  })
  child.stderr.on('data', data => {
    text.err += data
  })
  child.stdin.end(lines.map(line => `${line}\n`).join(''))
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const status = await within(ended, 2 * patienceMs, 'npm run try does not end').catch(fault => {
    child.kill()
    throw fault
  })
  return { status, ...text }
}

test('the files of the page are an assistant, which greets and answers in the terminal', async t => {
  t.deepEqual(Object.keys(files), ['library/assistant.yaml', 'library/instructions.md', 'library/hours.json'])
  t.is(command, 'library')
  const { status, out, err } = await tryOut(
    folderWith(t, files),
    [command],
    ['When do you open?', '', 'Thank you'],
  )
  t.is(status, 0, err)
  const [greeting, ...answers] = out.trim().split('\n')
  t.not(greeting, '')
  t.deepEqual(answers, ['You said: When do you open?', 'You said: Thank you'])
})

test('the faults that the page shows are those that one gets, and the process ends with 1', async t => {
  const faulty = {
    ...files,
    'library/assistant.yaml': (files['library/assistant.yaml'] ?? '').replace('greeting', 'greting'),
    'library/instructions.md': (files['library/instructions.md'] ?? '').replace('hours.json', 'hour.json'),
  }
  const { status, out, err } = await tryOut(folderWith(t, faulty), [command], ['hi'])
  t.is(status, 1)
  t.is(out, '')
  const shown = page.split('\n').filter(line => line.startsWith('  - library/'))
  t.is(shown.length, 2)
  for (const line of shown) t.true(err.includes(line.replace(/ …$/, '')), `${line}\n${err}`)
})

test('an assistant that is not there is told by the names of those that are', async t => {
  const { status, err } = await tryOut(folderWith(t, assistant('cafe')), ['pub'], ['hi'])
  t.is(status, 1)
  t.regex(err, /There is no assistant "pub"; use "cafe", "default"/)
})

test('whoever has the folder may talk with any assistant of it, in a language', async t => {
  const files = assistant(
    'cafe',
    'access: { principals: [key:kiosk-1] }\ngreeting: Hello',
    "{% if language == 'ja' %}ok{% else %}{{ file('a' + language) }}{% endif %}",
  )
  const { status, err } = await tryOut(
    folderWith(t, { ...files, 'cafe/a': '' }),
    ['cafe', '--language', 'ja'],
    [],
  )
  t.is(status, 0, err)
})

test('the page names every door, every key and every file of the schema', t => {
  const { properties } = JSON.parse(readFileSync(join(root, 'assistants/assistant.schema.json'), 'utf8')) as {
    properties: object
  }
  for (const key of Object.keys(properties)) t.regex(page, new RegExp(`\`${key}\``), key)
})
