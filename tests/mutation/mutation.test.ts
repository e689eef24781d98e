import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { draw } from './draw.ts'
import { findMutants, type Mutant, type MutantKind, plant } from './mutants.ts'
import { Plot } from './plant.ts'
import { noticedPart, writeReport } from './report.ts'
import { critical, groups, known, reasonFor, root, withoutCode } from './table.ts'

/** A source, and what becomes of it: each mutant's kind and the whole source with it planted. */
const rows: readonly (readonly [source: string, ...mutants: readonly [MutantKind, string][]])[] = [
  [
    'if (isOver) end()',
    ['condition negated', 'if (!(isOver)) end()'],
    ['statement dropped', 'if (isOver) ;'],
  ],
  ['const is = a === b', ['condition negated', 'const is = a !== b']],
  ['const is = a && b', ['and/or swapped', 'const is = a || b']],
  ['const is = a || b', ['and/or swapped', 'const is = a && b']],
  ['const is = a < b', ['boundary moved', 'const is = a <= b']],
  ['const is = a >= b', ['boundary moved', 'const is = a > b']],
  ['const n = is ? a : b', ['condition negated', 'const n = !(is) ? a : b']],
  ['const n = 300', ['constant changed', 'const n = 600']],
  ['const n = 0', ['constant changed', 'const n = 1']],
  ["const word = 'open'", ['constant changed', "const word = '~'"]],
  ['const is = true', ['true/false swapped', 'const is = false']],
  ['const n = await read()', ['await dropped', 'const n = read()']],
  ['await write()', ['statement dropped', ';'], ['await dropped', 'write()']],
  ['throw fault', ['statement dropped', ';']],
  [
    'const f = (done: () => void) => { done() }',
    ['callback dropped', 'const f = (done: () => void) => { ; }'],
  ],
  ['this.#hooks.opened()', ['callback dropped', ';']],
  ['const n = hooks.pending?.()', ['callback dropped', 'const n = undefined']],
  [
    'function f() { a(); b() }',
    ['returns early', 'function f() { return; a(); b() }'],
    ['statement dropped', 'function f() { ; b() }'],
    ['statement dropped', 'function f() { a(); ; }'],
  ],
  [
    'function f() { if (a) return; b() }',
    ['returns early', 'function f() { return; if (a) return; b() }'],
    ['condition negated', 'function f() { if (!(a)) return; b() }'],
    ['statement dropped', 'function f() { if (a) ; b() }'],
    ['statement dropped', 'function f() { if (a) return; ; }'],
  ],
  // What nothing can notice.
  ["import { a } from 'a.ts'"],
  ["type Word = 'a' | 'b'"],
  ["interface Part { readonly word: 'a' }"],
  ["const part = word as 'a'"],
  ["log.warn('upstream.failed', { code: 1 })"],
  ["this.#options.log.info('bridge.connected', { ms: 1 })"],
  ["const message = is ? 'a' : 'b'"],
  ["const fault = new Error('words')"],
  [
    "const fault = new GatewayError('draining', 'words')",
    ['constant changed', "const fault = new GatewayError('~', 'words')"],
  ],
  [
    'function f() { a(); return }',
    ['returns early', 'function f() { return; a(); return }'],
    ['statement dropped', 'function f() { ; return }'],
  ],
  ["const part = { 'a-name': a }"],
]

for (const [source, ...mutants] of rows) {
  test(`${mutants.length} mutants: ${source}`, t => {
    t.deepEqual(
      findMutants('a.ts', source).map(mutant => [mutant.kind, plant(source, mutant)]),
      mutants.map(mutant => [...mutant]),
    )
  })
}

test('every mutant of the critical files is a program that can be read', t => {
  for (const { tests } of groups) {
    for (const file of Object.keys(tests)) {
      const source = readFileSync(join(root, file), 'utf8')
      for (const mutant of findMutants(file, source)) t.not(plant(source, mutant), source, mutant.shown)
    }
  }
})

test('the table names every critical file once, and tests that there are', t => {
  const files = groups.flatMap(({ tests }) => Object.keys(tests))
  const expected = globSync([...critical], { cwd: root }).filter(file => !withoutCode.includes(file))
  t.deepEqual(files.toSorted(), expected.toSorted())
  const named = new Set(groups.flatMap(({ tests }) => Object.values(tests).flat()))
  const found = new Set(globSync('tests/**/*.test.ts', { cwd: root }))
  t.deepEqual(
    [...named].filter(name => !found.has(name)),
    [],
  )
})

test('each survivor that is known is a mutant that there is', t => {
  for (const { file, text, shown } of known) {
    const mutants = findMutants(file, readFileSync(join(root, file), 'utf8'))
    const found = mutants.find(mutant => mutant.text === text && mutant.shown === shown)
    t.truthy(found, `${file}: ${shown} in "${text}" is no mutant any more; take it out of the table`)
    if (found !== undefined) t.truthy(reasonFor(found))
  }
})

test('the same seed draws the same, another seed something else, a count of 0 all', t => {
  const values = Array.from({ length: 100 }, (_, place) => place)
  const drawn = draw(values, 10, 1)
  t.is(new Set(drawn).size, 10)
  t.deepEqual(draw(values, 10, 1), drawn)
  t.notDeepEqual(draw(values, 10, 2), drawn)
  t.deepEqual(draw(values, 0, 1), values)
})

const source = `
export const add = (a, b) => { if (b === 0) return a; return a + b }
export const count = n => { let sum = 0; while (sum < n) { sum += 1 } return sum }
export const greet = say => { say('hello') }
`
const readIfThere = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
const testOf = (name: string, body: string) =>
  `import test from 'ava'\nimport { add, count, greet } from '../parts.ts'\ntest('${name}', t => { ${body} })\n`

/** A tree of one source file, a weak test and one that notices. */
function treeFor(t: ExecutionContext): string {
  const tree = mkdtempSync(join(tmpdir(), 'mutation-test-'))
  t.teardown(() => rmSync(tree, { recursive: true, force: true }))
  mkdirSync(join(tree, 'tests'))
  const ava = { files: ['tests/*.test.ts'], extensions: ['ts'], workerThreads: false }
  writeFileSync(join(tree, 'package.json'), JSON.stringify({ type: 'module', ava }))
  writeFileSync(join(tree, 'parts.ts'), source)
  writeFileSync(
    join(tree, 'tests/weak.test.ts'),
    testOf('weak', 't.is(add(1, 2), 3); t.is(typeof greet, "function")'),
  )
  writeFileSync(join(tree, 'tests/strong.test.ts'), testOf('strong', 't.is(add(1, 2), 3); t.is(count(2), 2)'))
  writeFileSync(join(tree, 'tests/broken.test.ts'), testOf('broken', 't.fail()'))
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  return tree
}

test('a mutant is noticed, hangs a test, or survives; the tree itself stays as it is', async t => {
  const tree = treeFor(t)
  const plot = new Plot(tree, { ms: 3000, times: 2 })
  t.teardown(() => plot.clear())
  const tests = ['tests/weak.test.ts', 'tests/strong.test.ts']
  const told: string[] = []
  const planted = findMutants('parts.ts', source).filter(({ shown }) =>
    ["say('hello') → nothing", 'sum += 1 → nothing', '=== → !=='].includes(shown),
  )
  const verdicts = []
  for (const mutant of planted) {
    const verdict = await plot.try(mutant, tests)
    verdicts.push(verdict)
    told.push(`${mutant.shown}: ${verdict.outcome}`)
  }
  t.deepEqual(told, ['=== → !==: noticed', 'sum += 1 → nothing: hung', "say('hello') → nothing: survived"])
  t.is(readFileSync(join(tree, 'parts.ts'), 'utf8'), source)
  const result = { group: 'parts', found: 20, verdicts }
  t.is(noticedPart(result), 2 / 3)
  const report = writeReport([result], 7)
  t.regex(report, /seed 7/)
  t.regex(report, /\| parts \| 20 \| 3 \| 1 \| 1 \| 1 \| 0 \| 66\.7 % \(below the aim\) \|/)
  const [{ file, text, shown } = planted[0] as Mutant] = known
  const left = {
    mutant: { ...(planted[0] as Mutant), file, text, shown },
    outcome: 'survived',
    by: null,
  } as const
  t.is(noticedPart({ ...result, verdicts: [...verdicts, left] }), 2 / 3, 'a known one counts as none')
  t.is(noticedPart({ ...result, verdicts: [left] }), 1)
  t.regex(report, /- parts\.ts:4 callback dropped: `say\('hello'\) → nothing`/)
})

test('a test file is run with the mutants of what its processes run, and with no others', async t => {
  const tree = treeFor(t)
  const log = JSON.stringify(join(tree, 'runs.txt'))
  const noted = (name: string) => `appendFileSync(${log}, '${name} ');`
  writeFileSync(
    join(tree, 'tests/adder.test.ts'),
    `import { appendFileSync } from 'node:fs'\n${testOf('adder', `${noted('adder')} t.is(add(1, 2), 3)`)}`,
  )
  // Its child is given an environment of its own, and is killed.
  writeFileSync(
    join(tree, 'tests/counter.test.ts'),
    `import { appendFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
${testOf('counter', 't.pass()').replace('t => { t.pass() }', `async t => { ${noted('counter')} const child = spawn(process.execPath, ['counting.ts'], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] }); const [said] = await once(child.stdout, 'data'); child.kill('SIGKILL'); t.is(String(said), '2') }`)}`,
  )
  writeFileSync(
    join(tree, 'counting.ts'),
    `import { count } from './parts.ts'\nconst sum = count(2)\nsetTimeout(() => process.stdout.write(String(sum)), 1500)\nsetInterval(() => undefined, 1000)`,
  )
  const plot = new Plot(tree)
  t.teardown(() => plot.clear())
  const tests = ['tests/adder.test.ts', 'tests/counter.test.ts']
  const told: string[] = []
  for (const shown of ["say('hello') → nothing", '=== → !==', 'sum < n → !(sum < n)']) {
    const mutant = findMutants('parts.ts', source).find(mutant => mutant.shown === shown)
    if (mutant === undefined) return t.fail(shown)
    const before = readIfThere(join(tree, 'runs.txt')).length
    const { outcome } = await plot.try(mutant, tests)
    const ran = readIfThere(join(tree, 'runs.txt')).slice(before).trim().split(' ')
    told.push(`${outcome}: ${[...new Set(ran)].sort().join(' ')}`)
  }
  t.deepEqual(told, [
    // Neither runs it: both are asked.
    'survived: adder counter',
    'noticed: adder',
    'noticed: counter',
  ])
})

test('a swapped operator is tried with a test that never comes to its right side', async t => {
  const tree = treeFor(t)
  const either = 'export const either = (a, b) => a || b\n'
  writeFileSync(join(tree, 'either.ts'), either)
  const asks = (name: string, body: string) =>
    writeFileSync(
      join(tree, `tests/${name}.test.ts`),
      `import test from 'ava'\nimport { either } from '../either.ts'\ntest('${name}', t => { ${body} })\n`,
    )
  asks('left', 't.is(either(1, 2), 1)')
  // Either operator gives this.
  asks('right', 't.is(either(0, 0), 0)')
  const plot = new Plot(tree)
  t.teardown(() => plot.clear())
  const [mutant] = findMutants('either.ts', either)
  if (mutant === undefined) return t.fail()
  const verdict = await plot.try(mutant, ['tests/right.test.ts', 'tests/left.test.ts'])
  t.like(verdict, { outcome: 'noticed', by: 'tests/left.test.ts' })
})

test('a test that fails without a fault is left out, and told; where no other is left, that is an error', async t => {
  const plot = new Plot(treeFor(t), { ms: 3000, times: 2 })
  t.teardown(() => plot.clear())
  const [mutant] = findMutants('parts.ts', source)
  if (mutant === undefined) return t.fail()
  const broken = 'tests/broken.test.ts'
  t.is((await plot.try(mutant, [broken, 'tests/strong.test.ts'])).outcome, 'noticed')
  t.deepEqual([...plot.broken.keys()], [broken])
  await t.throwsAsync(plot.try(mutant, [broken]), { message: /No test of parts\.ts passes without a fault/ })
})
