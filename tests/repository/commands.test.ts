/** Every command that npm runs, as somebody calls it who does not know it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { optionsOf, pages, readPage } from '../documents/pages.ts'

const root = join(import.meta.dirname, '../..')
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

/** Those of other projects, with a help of their own, and one that only prints. */
const others = ['test', 'check', 'build', 'dev', 'layout']

const own = Object.entries(scripts).filter(([name]) => !/^pre/.test(name) && !others.includes(name))

for (const [name, command] of own)
  test(`npm run ${name} -- --help says how it is called, and does nothing`, t => {
    const words = command.replace(/^.*?\bnode /, '').split(' ')
    const { stdout, stderr, status } = spawnSync(process.execPath, [...words, '--help'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: '/nonexistent' },
      timeout: 60_000,
    })
    t.is(status, 0, stderr)
    t.regex(stdout, /^npm (run|start)\b/)
    t.is(stderr, '')
    for (const page of pages)
      for (const option of optionsOf(readPage(page), name))
        t.true(option === '--help' || stdout.includes(option), `${page}: npm run ${name} -- ${option}`)
  })

test('only the tests install system packages before they begin', t => {
  const installing = Object.entries(scripts).filter(([, command]) => command.includes('--servers'))
  t.deepEqual(
    installing.map(([name]) => name),
    ['pretest'],
  )
})
