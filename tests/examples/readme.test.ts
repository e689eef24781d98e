/** The table of the examples: every example is in it, and what it names is there. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'
import { examples } from './example.ts'

const readme = readFileSync(join(examples, 'README.md'), 'utf8')
const rows = [...readme.matchAll(/^\| \[`[^`]+`\]\(([^)]+)\) \| (.+?) \| (.+?) \|$/gm)].map(
  ([, path = '', what = '', command = '']) => ({ path, what, command }),
)

test('every file of the examples belongs to a row of the table, and every row is there', t => {
  const shown = rows.map(({ path }) => path)
  for (const path of shown) t.true(existsSync(join(examples, path)), path)
  // Programs that a row runs, and declarations beside them.
  const run = rows.flatMap(({ command }) => /examples\/([\w./-]+)/.exec(command)?.[1] ?? [])
  const known = [...shown, ...run].map(path => path.replace(/\.\w+$/, ''))
  const files = globSync('**/*.*', { cwd: examples }).filter(file => file !== 'README.md')
  t.true(files.length > rows.length)
  for (const file of files)
    t.true(
      known.some(each => file.replace(/\..+$/, '') === each || dirname(file) === each),
      `${file} is in no row`,
    )
})

test('every command runs a file that is there, and every file that the page names is', t => {
  const commands = [
    ...readme.matchAll(/(?:node|python) (?:--[\w-]+=(\S+) )?((?:examples|runtime)\/[\w./-]+)/g),
  ]
  t.true(commands.length >= rows.length - 1)
  for (const [, settings, file = ''] of commands)
    for (const path of [settings, file])
      if (path !== undefined) t.true(existsSync(join(examples, '..', path)), path)
  for (const [, path = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g))
    t.true(existsSync(join(examples, path)), path)
})
