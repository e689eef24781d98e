/** The table of the simulator's behaviour: each row has a source and a test, and nothing that it sends is left out. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { gaEvents } from '../ga-events.ts'

const root = join(import.meta.dirname, '../../..')
const text = readFileSync(join(root, 'docs/simulator/behaviour.md'), 'utf8')
const rows = text
  .split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| behaviour'))
  .map(line =>
    line
      .slice(2, -2)
      .split(' | ')
      .map(cell => cell.trim()),
  )

/** Words in backticks, a `*` at the end standing for any end. */
const named = [
  ...rows
    .flatMap(([behaviour = '', source = '']) => [behaviour, source])
    .join('\n')
    .matchAll(/`([^`]+)`/g),
].map(([, word]) => word ?? '')
const isNamed = (name: string) =>
  named.some(word => word === name || (word.endsWith('*') && name.startsWith(word.slice(0, -1))))

test('each row has a behaviour, a source of a known kind, and a test that is there', t => {
  t.true(rows.length > 50)
  for (const row of rows) {
    const [behaviour = '', source = '', held = ''] = row
    t.is(row.length, 3, behaviour)
    t.regex(source, /^(recording|document|assumed)\b/, behaviour)
    const [, file = '', title = ''] = held.match(/^`([^`]+)`: (.+)$/) ?? []
    t.true(readFileSync(join(root, 'tests/simulator', file), 'utf8').includes(title), `${behaviour}: ${held}`)
  }
})

test('every event that the simulator sends is in a row', t => {
  t.deepEqual(
    Object.keys(gaEvents).filter(type => !isNamed(type)),
    [],
  )
})

test('every error code that the simulator knows is in a row', t => {
  const codes = new Set<string>()
  for (const file of globSync('runtime/simulator/**/*.ts', { cwd: root })) {
    const source = readFileSync(join(root, file), 'utf8')
    for (const [, code = ''] of source.matchAll(/\bcode: [^,}\n]*?'([a-z]+(?:_[a-z]+)+)'/g)) codes.add(code)
    for (const [, code = ''] of source.matchAll(/Refusal\((?:[^,()]+, )?(?:\d+, )?'([a-z]+(?:_[a-z]+)+)'/g))
      codes.add(code)
  }
  t.true(codes.size > 20)
  t.deepEqual([...codes].filter(code => !isNamed(code)).sort(), [])
})
