/** YAML that no reader of it survives, or that says more than can be told: answered with its file and line. */
import test from 'ava'
import { readAssistantFile } from '../../runtime/assistants/assistant-file.ts'
import { maxFileFaults } from '../../runtime/assistants/faults.ts'
import { readScriptedTest } from '../../runtime/assistants/scripted-test.ts'
import { maxLevels, readYaml } from '../../runtime/assistants/yaml-file.ts'

const list = (levels: number, within = '') => `${'['.repeat(levels)}${within}${']'.repeat(levels)}`
const tooDeep = `is nested deeper than ${maxLevels} levels`
const limits = `allowed are ${maxLevels} levels, none within itself`

const cases: readonly (readonly [what: string, text: string, line: number, message: string])[] = [
  ['lists beyond the limit', `description: x\nsession:\n  a: ${list(maxLevels)}`, 2, `session ${tooDeep}`],
  [
    'levels that aliases add up',
    `description: &a ${list(20)}\nsession: ${list(20, '*a')}`,
    2,
    `session ${tooDeep}`,
  ],
  ['an object within itself', 'description: x\nsession: &s\n  a: *s', 2, 'session contains itself'],
  ['two lists within themselves', 'description: x\nsession: &s [*s, *s, *s]', 2, 'session contains itself'],
  ['a file that is itself a list within itself', '&s [*s]', 1, 'the file contains itself'],
  ['a file of lists', list(maxLevels + 1), 1, `the file ${tooDeep}`],
]

for (const [what, text, line, sentence] of cases)
  test(`${what}: told with its line`, t => {
    const message = `${sentence}; ${limits}`
    for (const read of [readAssistantFile('a.yaml', text), readScriptedTest('a.yaml', text)])
      t.deepEqual('faults' in read ? read.faults : [], [{ file: 'a.yaml', line, message }])
  })

for (const [what, open] of [
  ['lists on one line', '['],
  ['objects on one line', '{a: '],
  ['lists below each other', '- '],
  ['keys', '? '],
] as const)
  test(`more ${what} than a stack has: told as too many levels`, t => {
    const read = readYaml('a.yaml', `description: x\nsession:\n  ${open.repeat(20_000)}`)
    t.true('faults' in read)
    if (!('faults' in read)) return
    t.true(read.faults.length <= maxFileFaults)
    t.true(read.faults.some(({ message }) => message.includes(`allowed are ${maxLevels} levels`)))
    t.false(JSON.stringify(read.faults).includes('call stack'))
  })

test('as many levels as are allowed, and a list that two keys share, are read', t => {
  const read = readYaml('a.yaml', `a: &a ${list(maxLevels - 1)}\nb: *a`)
  t.true('value' in read)
})

test('a file with more faults than anyone reads tells of the first', t => {
  const keys = Array.from({ length: 1000 }, (_, at) => `key${at}: 1\n`).join('')
  for (const text of [keys, `tests:\n${keys}`, '&a '.repeat(1000), 'a: b: c\n'.repeat(1000)])
    for (const read of [readAssistantFile('a.yaml', text), readScriptedTest('a.yaml', text)])
      t.true('faults' in read && read.faults.length > 0 && read.faults.length <= maxFileFaults)
})
