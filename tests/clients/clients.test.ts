/** Holds the roster, the documents and the judge of `npm run test:clients` together; installs and dials nothing. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Client, clients, versionOf } from './roster.ts'
import { notServed, runClient } from './run.ts'
import { describe, readTable, renderTable } from './table.ts'

const scripts = join(import.meta.dirname, 'talks')

test('every client is a row of the documents, at the version that is tested, and nothing else is', t => {
  const rows = readTable().split('\n').slice(2)
  t.deepEqual(
    rows.map(row => row.split(' | ').slice(0, 4).join(' | ')),
    clients.map(client => `| ${describe(client).join(' | ')}`),
  )
  for (const row of rows) t.notRegex(row, /\*\*no\*\*/)
})

test('every script of a client holds the talks that the roster names, and no other', t => {
  for (const { script, talks, more = {} } of clients) {
    const text = readFileSync(join(scripts, script), 'utf8')
    const held = script.endsWith('.py')
      ? [...text.slice(text.indexOf('hold_talks(\n')).matchAll(/"(\w+)": \w+/g)]
      : [...text.matchAll(/^ {2}async (\w+)\(\) \{/gm)]
    t.deepEqual(held.map(([, talk]) => talk ?? '').sort(), [...talks, ...Object.keys(more)].sort(), script)
  }
  const shared = ['stage.mjs', 'stage.py', 'openai-socket.mjs', 'response-lifecycle.ts']
  t.deepEqual(
    readdirSync(scripts)
      .filter(file => !shared.includes(file) && !file.startsWith('__'))
      .sort(),
    clients.map(({ script }) => script).sort(),
  )
})

test('a client without an exact version is refused by name', t => {
  const unknown = { ...(clients[0] as Client), package: 'nobody-pins-this' }
  t.throws(() => versionOf(unknown), { message: /"nobody-pins-this" has no exact version/ })
})

const gateway = { url: 'https://localhost:1', certFile: '', stop: () => undefined }

async function judge(text: string, served = true) {
  const talks = mkdtempSync(join(tmpdir(), 'clients-test-'))
  writeFileSync(join(talks, 'script.mjs'), text)
  const client: Client = {
    ...(clients[0] as Client),
    runtime: 'node',
    script: 'script.mjs',
    talks: ['text', 'voice', 'transcription'],
    more: { keys: 'text' },
  }
  return runClient(
    client,
    gateway,
    { talks, python: '', tls: '' },
    talk => served || talk !== 'transcription',
  )
}

const told = (talk: string, fault: string | null) =>
  `console.log(${JSON.stringify(JSON.stringify({ talk, fault }))})`

test('a talk holds that the client said holds; the others of one that ended early do not', async t => {
  const outcome = await judge(
    `${told('text', null)};${told('keys', null)};console.error('broken pipe');process.exit(3)`,
  )
  t.is(outcome.faults.get('text'), null)
  t.regex(outcome.faults.get('voice') ?? '', /ended \(3\) before it: broken pipe/)
  t.regex(outcome.faults.get('transcription') ?? '', /ended \(3\)/)
  t.regex(renderTable([outcome]), /\| yes \| \*\*no\*\* \| – \| – \| – \| \*\*no\*\* \|$/)
})

test('a talk beyond the columns that fails is told by its column', async t => {
  const outcome = await judge(
    `${['text', 'voice', 'transcription'].map(talk => told(talk, null)).join(';')};${told('keys', 'no key')}`,
  )
  t.is(outcome.faults.get('text'), 'no key')
  t.is(outcome.faults.get('voice'), null)
})

test('what the gateway serves to nobody is told as such, and whatever the client says of it does not count', async t => {
  const outcome = await judge(
    `${told('text', null)};${told('keys', null)};${told('voice', null)};${told('transcription', 'refused')}`,
    false,
  )
  t.is(outcome.faults.get('transcription'), notServed)
  t.regex(renderTable([outcome]), /\| yes \| yes \| – \| – \| – \| not served \|$/)
})
