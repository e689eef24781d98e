import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  activityQuery,
  drainOverrunQuery,
  drainQuery,
  loadQuery,
  platformQuery,
} from '../../infra/queries.ts'
import { settingNames } from '../../infra/setting-table.ts'
import { inBothLanguages, pages } from '../documents/pages.ts'
import { readText, runProgram } from './azure.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const exists = (path: string) => existsSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)))

const firstDays = inBothLanguages('azure/first-day.md')

test('what the first day says that the doctor tells, the doctor checks', t => {
  const doctor = readText('infra/commands/doctor.ts')
  for (const file of firstDays) {
    const text = readText(file)
    const checks = [...text.matchAll(/\| ✓ ([a-z, -]+) \|/g)].flatMap(([, names = '']) => names.split(', '))
    t.true(checks.length >= 11, file)
    for (const check of checks) t.true(doctor.includes(`'${check}'`), check)
    for (const [, name = ''] of text.matchAll(/config set ([a-zA-Z]+)/g))
      t.true(settingNames.includes(name as (typeof settingNames)[number]), name)
  }
})

test('every test that the threat model names is there, and each kind of attacker has one', t => {
  const model =
    readText('SECURITY.md')
      .split('\n## ')
      .find(part => part.startsWith('Threat model')) ?? ''
  const named = [...model.matchAll(/`(tests\/[^`]+)`/g)].map(([, path = '']) => path)
  t.true(named.length > 20)
  for (const path of named) t.true(exists(path), path)
  const kinds = model.split(/\n(?=\*\*)/).slice(1)
  t.is(kinds.length, 8)
  for (const kind of kinds) t.regex(kind, /^\| can \| [\s\S]*^\| cannot \| .*`tests\//m, kind.slice(0, 40))
})

test('every npm script works on a clean checkout: the set-up runs before it', t => {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  const commands = Object.keys(scripts).filter(name => !(name.startsWith('pre') && name.slice(3) in scripts))
  t.true(commands.length >= 10)
  for (const name of commands) t.regex(scripts[`pre${name}`] ?? '', /^node setup\.mjs\b/, name)
})

test("who follows the documents runs Pulumi with the project's own Node, whatever the machine has", t => {
  for (const file of inBothLanguages('azure/deploy.md')) {
    const block = [...readText(file).matchAll(/```sh\n([^`]*)```/g)].find(([, text]) =>
      text?.includes('\npulumi up'),
    )
    const path = (block?.[1] ?? '').split('\n').find(line => line.startsWith('export PATH='))
    const found = spawnSync('bash', ['-c', `${path}; node --version`], {
      cwd: root,
      env: { PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
    })
    t.is(found.stdout.trim(), `v${JSON.parse(readText('package.json')).devDependencies.node}`, file)
  }
})

test('the queries of the documents are those that the alert and the workbook ask', t => {
  const queries = [
    activityQuery('gptrt-dev'),
    loadQuery('gptrt-dev'),
    drainQuery('gptrt-dev'),
    drainOverrunQuery('gptrt-dev', 30),
    platformQuery('gptrt-dev'),
  ]
  for (const file of inBothLanguages('azure/monitoring.md')) {
    for (const query of queries) t.true(readText(file).includes(`\`\`\`kusto\n${query}\n\`\`\``), file)
  }
})

test('the documents say what the platform does not do: sticky sessions, and a cool-down of every scale-in', t => {
  const [english, japanese] = inBothLanguages('azure/rollout.md')
  const said: Record<string, readonly RegExp[]> = {
    [english]: [
      /`cooldownPeriod` delays only the scale-in from the last replica to none/,
      /Sticky sessions do not exist with several revisions at a time/,
    ],
    [japanese]: [
      /`cooldownPeriod` は、最後のレプリカからゼロへの縮小だけを遅らせます/,
      /スティッキーセッションは、複数のリビジョンを同時に動かすモードにはありません/,
    ],
  }
  for (const [file, facts] of Object.entries(said))
    for (const fact of facts) t.regex(readText(file).replaceAll('\n', ' '), fact, file)
})

test.serial("every output that the documents and scripts ask for is one of the program's", async t => {
  const { outputs } = await runProgram()
  const texts = [...pages, '.github/workflows/deploy.yml'].map(readText)
  for (const [, name = ''] of texts.join('\n').matchAll(/pulumi stack output ([a-zA-Z]+)/g))
    t.true(name in outputs, name)
  for (const [, name = ''] of readText('.github/scripts/azure-hands.ts').matchAll(/output\('(\w+)'\)/g))
    t.true(name in outputs, name)
})

test('the architecture picture is an SVG that needs nothing from elsewhere and says what it shows', t => {
  const picture = readText('docs/architecture.svg')
  t.regex(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  t.regex(picture, /<title id="title">.+<\/title>\s*<desc/)
  t.notRegex(picture.replace('http://www.w3.org/2000/svg', ''), /https?:|<script|<image/)
  const open = [...picture.matchAll(/<([a-z]+)(?=[\s>])[^>]*?(\/?)>/gi)].filter(
    ([, , slash]) => slash === '',
  ).length
  t.is(open, [...picture.matchAll(/<\/[a-z]+>/gi)].length)
})

test('the picture shows the addresses of the program', t => {
  for (const range of ['10.20.0.0/16', '10.20.0.0/24', '10.20.1.0/24', '10.20.2.0/27']) {
    t.true(readText('docs/architecture.svg').includes(range), range)
  }
})
