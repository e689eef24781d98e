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
import { settingMeta, settingNames, settingTable } from '../../infra/setting-table.ts'
import { readText, runProgram } from './azure.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const exists = (path: string) => existsSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)))

/** What two languages share: headings by level and code, fenced blocks, and tables by rows, columns and code. */
function skeletonOf(text: string): string[] {
  const skeleton: string[] = []
  let fence: string[] | null = null
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) {
      if (fence === null) fence = [line]
      else {
        skeleton.push([...fence, line].join('\n'))
        fence = null
      }
    } else if (fence !== null) fence.push(line)
    else if (/^#+ /.test(line)) skeleton.push(`${line.split(' ', 1)[0]} ${codeOf(line)}`)
    else if (line.startsWith('|'))
      skeleton.push(`row of ${line.replaceAll('\\|', '').split('|').length - 2}: ${codeOf(line)}`)
  }
  return skeleton
}

const codeOf = (line: string) =>
  [...line.matchAll(/`([^`]+)`/g)]
    .map(match => match[1])
    .sort()
    .join(' ')

test('README.ja.md has the headings, commands and tables of README.md, in the same order', t => {
  t.deepEqual(skeletonOf(readText('README.ja.md')), skeletonOf(readText('README.md')))
})

const firstDays = ['docs/azure/first-day.md', 'docs/ja/azure/first-day.md']

test('the first day has the same commands and tables in both languages', t => {
  const [english = '', japanese = ''] = firstDays.map(readText)
  t.deepEqual(skeletonOf(japanese), skeletonOf(english))
})

test('what the first day says that the doctor tells, the doctor checks; every npm command is a script', t => {
  const doctor = readText('infra/commands/doctor.ts')
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  for (const file of firstDays) {
    const text = readText(file)
    const checks = [...text.matchAll(/\| ✓ ([a-z, -]+) \|/g)].flatMap(([, names = '']) => names.split(', '))
    t.true(checks.length >= 11, file)
    for (const check of checks) t.true(doctor.includes(`'${check}'`), check)
    for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g)) t.true(script in scripts, script)
    for (const [, name = ''] of text.matchAll(/config set ([a-zA-Z]+)/g))
      t.true(settingNames.includes(name as (typeof settingNames)[number]), name)
  }
})

test('every link of the documents to a file of the repository leads somewhere', t => {
  for (const file of ['README.md', 'README.ja.md']) {
    for (const [, path = ''] of readText(file).matchAll(/\]\((?!https?:|#)([^)#]+)\)/g))
      t.true(exists(path), `${file}: ${path}`)
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

test('every link within a document leads to one of its headings', t => {
  for (const file of ['README.md', 'README.ja.md']) {
    const text = readText(file)
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    )
    for (const [, anchor = ''] of text.matchAll(/\]\(#([^)]+)\)/g))
      t.true(anchors.includes(anchor), `${file}: #${anchor}`)
  }
})

test('every npm command of the documents is a script, and every file that they run is there', t => {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  for (const file of ['README.md', 'README.ja.md']) {
    const text = readText(file)
    for (const [, script = ''] of text.matchAll(/npm (?:run )?((?!install|ci|run)[\w:-]+)(?= --|`|\n|\s+#)/g))
      t.true(script in scripts, `${file}: npm ${script}`)
    for (const [, path = ''] of text.matchAll(/^node (\S+)/gm)) t.true(exists(path), `${file}: node ${path}`)
  }
})

test('every npm script works on a clean checkout: the set-up runs before it', t => {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  const commands = Object.keys(scripts).filter(name => !(name.startsWith('pre') && name.slice(3) in scripts))
  t.true(commands.length >= 10)
  for (const name of commands) t.regex(scripts[`pre${name}`] ?? '', /^node setup\.mjs\b/, name)
})

test("who follows the documents runs Pulumi with the project's own Node, whatever the machine has", t => {
  for (const file of ['README.md', 'README.ja.md']) {
    const block = [...readText(file).matchAll(/```sh\n([^`]*)```/g)].find(([, text]) =>
      text?.includes('\npulumi up'),
    )
    const lines = (block?.[1] ?? '').trim().split('\n')
    const found = spawnSync('bash', ['-c', `${lines[1]}; node --version`], {
      cwd: root,
      env: { PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
    })
    t.is(found.stdout.trim(), `v${JSON.parse(readText('package.json')).devDependencies.node}`, file)
  }
})

test('the table of stack settings has every setting with its default, and says when it is secret', t => {
  for (const file of ['README.md', 'README.ja.md']) {
    const lines = readText(file).split('\n')
    for (const name of settingNames) {
      const row = lines.find(line => line.startsWith(`| \`${name}\` |`)) ?? ''
      const fallback = settingTable.shape[name].parse(undefined)
      const shown = Array.isArray(fallback) ? fallback.join(',') : String(fallback)
      t.is(row.split(' | ')[1], shown === '' ? '–' : `\`${shown}\``, `${file}: ${name}`)
      if (settingMeta(name).secret) t.regex(row, /secret|秘密/, `${file}: ${name}`)
    }
    const firstLine = lines.findIndex(line => line.startsWith('| `prefix` |'))
    const rows = lines.slice(firstLine).findIndex(line => !line.startsWith('|'))
    t.is(rows, settingNames.length, `${file} lists a setting that is none`)
  }
})

test('the English table says what each setting means and what it may be', t => {
  const text = readText('README.md')
  for (const name of settingNames) {
    const { description, allowed } = settingMeta(name)
    t.true(text.includes(description.replaceAll('|', '\\|')), name)
    t.true(text.includes(allowed.replaceAll('|', '\\|')), name)
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
  for (const file of ['README.md', 'README.ja.md']) {
    for (const query of queries) t.true(readText(file).includes(`\`\`\`kusto\n${query}\n\`\`\``), file)
  }
})

test('the documents say what the platform does not do: sticky sessions, and a cool-down of every scale-in', t => {
  const said: Record<string, readonly RegExp[]> = {
    'README.md': [
      /`cooldownPeriod` delays only the scale-in from the last replica to none/,
      /Sticky sessions do not exist with several revisions at a time/,
    ],
    'README.ja.md': [
      /`cooldownPeriod` は、最後のレプリカからゼロへの縮小だけを遅らせます/,
      /スティッキー セッションは、複数のリビジョンを同時に動かす\s?モードにはありません/,
    ],
  }
  for (const [file, facts] of Object.entries(said))
    for (const fact of facts) t.regex(readText(file).replaceAll('\n', ' '), fact, file)
})

test.serial("every output that the documents and scripts ask for is one of the program's", async t => {
  const { outputs } = await runProgram()
  const texts = ['README.md', 'README.ja.md', '.github/workflows/deploy.yml'].map(readText)
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
