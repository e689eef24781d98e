/** Holds the layout: which folder imports which, who touches the process, what pages and the lockfile may hold. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import ts from 'typescript'
import { forbidden, importsOf, order, readLayout, root } from './layout.ts'

const sources = globSync('runtime/**/*.ts', { cwd: root }).filter(file => !file.startsWith('runtime/menu/'))

/** What a text imports, as a compiler reads it: not what stands in a string. */
function importedBy(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
}

/** The same without what is imported later, when it is needed. */
function importedAtOnceBy(text: string): string[] {
  const { statements } = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest)
  return statements.flatMap(statement =>
    (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) &&
    statement.moduleSpecifier !== undefined &&
    ts.isStringLiteral(statement.moduleSpecifier)
      ? [statement.moduleSpecifier.text]
      : [],
  )
}

test('a folder imports only folders that stand before it', t => {
  t.deepEqual(forbidden(readLayout()), [])
})

test('an import that points up, to a folder beside, or out of sight is found', t => {
  const added: [string, string, string][] = [
    ['runtime/core/errors.ts', 'runtime/events/type.ts', 'runtime/core → runtime/events'],
    ['runtime/chat/chat.ts', 'runtime/realtime/realtime.ts', 'runtime/chat → runtime/realtime'],
    ['runtime/simulator/server.ts', 'runtime/store/store.ts', 'runtime/simulator → runtime/store'],
    ['infra/app.ts', 'runtime/session/session.ts', 'infra → runtime/session'],
  ]
  for (const [file, imported, arrow] of added) t.deepEqual(forbidden(readLayout([[file, imported]])), [arrow])
})

test('every file of the runtime stands in a folder of the order', t => {
  t.deepEqual(
    [...readLayout().keys()].filter(folder => folder.startsWith('runtime/') && !order.includes(folder)),
    [],
  )
})

test('one file imports uWebSockets.js', t => {
  t.deepEqual(
    sources.filter(file => importsOf(file).includes('uWebSockets.js')),
    ['runtime/server/server.ts'],
  )
})

test('the simulator is loaded by one file of the gateway, when it is needed: the plain image has none', t => {
  const outside = sources.filter(file => !file.startsWith('runtime/simulator/'))
  t.deepEqual(
    outside.filter(file => importsOf(file).some(path => path.includes('simulator/'))),
    ['runtime/gateway/embedded-simulator.ts'],
  )
  const text = readFileSync(join(root, 'runtime/gateway/embedded-simulator.ts'), 'utf8')
  t.notRegex(text, /from '.*simulator\/[^']*'/)
})

test('code imports packages of its own installation: the image has no others', t => {
  const packagesOf = (file: string) => {
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(root, file), 'utf8'),
    ) as Record<'dependencies' | 'optionalDependencies', Record<string, string> | undefined>
    return Object.keys({ ...dependencies, ...optionalDependencies })
  }
  const [gateway, demo, pages, tracing] = ['', 'demo/', 'web/', 'tracing/'].map(folder =>
    packagesOf(`${folder}package.json`),
  )
  const ownName = 'realtime-gateway'
  const packageOf = (path: string) =>
    path
      .split('/')
      .slice(0, path.startsWith('@') ? 2 : 1)
      .join('/')
  const check = (files: readonly string[], allowed: readonly string[], read: typeof importedBy) => {
    for (const file of files)
      for (const path of read(readFileSync(join(root, file), 'utf8')))
        if (/^[^.]/.test(path) && !path.startsWith('node:'))
          t.true([ownName, ...allowed].includes(packageOf(path)), `${file}: ${path}`)
  }
  const isOf = (folder: string) => (file: string) => file.startsWith(`runtime/${folder}/`)
  const ofSimulator = sources.filter(isOf('simulator'))
  const ofTracing = sources.filter(isOf('observability/tracing'))
  const ofGateway = sources.filter(file => !ofSimulator.includes(file) && !ofTracing.includes(file))
  const local = [...(gateway ?? []), ...(demo ?? [])]
  t.true(ofSimulator.length > 10 && ofTracing.length > 2 && ofGateway.length > 10)
  check(ofSimulator, local, importedBy)
  check(ofTracing, [...(gateway ?? []), ...(tracing ?? [])], importedBy)
  check(ofGateway, local, importedBy)
  check(ofGateway, gateway ?? [], importedAtOnceBy)
  const files = globSync(['web/**/*.ts', 'vite.config.ts'], { cwd: root, exclude: ['web/dist/**'] })
  check(files, pages ?? [], importedBy)
  const sample =
    "import ws from 'ws'\nexport * from 'a'\nawait import('b')\nconst text = `\nimport c from 'c'`"
  t.deepEqual(
    [importedBy(sample), importedAtOnceBy(sample)],
    [
      ['ws', 'a', 'b'],
      ['ws', 'a'],
    ],
  )
})

test('process is touched in main.ts alone', t => {
  // The last is the program of a process of its own, with tools in it.
  const mains = [
    'runtime/main.ts',
    'runtime/simulator/main.ts',
    'runtime/try/main.ts',
    'runtime/tools/tool-process.ts',
  ]
  const touching = sources.filter(file =>
    /\bprocess\.(argv|env|exit|on|stdout|stderr|stdin|cwd|memoryUsage|pid)\b/.test(
      readFileSync(join(root, file), 'utf8'),
    ),
  )
  t.deepEqual(
    touching.filter(file => !mains.includes(file)),
    [],
  )
})

test('pages take types from the runtime, and code of the pure folder of events alone', t => {
  for (const file of globSync('web/**/*.ts', { cwd: root, exclude: ['web/dist/**'] })) {
    const text = readFileSync(join(root, file), 'utf8')
    for (const [line] of text.matchAll(/^import .*runtime\/.*$/gm))
      t.regex(line, /^import type |runtime\/events\//, file)
  }
})

test('the lockfile holds every optional platform package, and no download address', t => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { optionalDependencies?: Record<string, string>; resolved?: string; link?: boolean }
    >
  }
  for (const [owner, { optionalDependencies = {}, resolved, link }] of Object.entries(lock.packages)) {
    if (!link) t.is(resolved, undefined, owner)
    for (const name of Object.keys(optionalDependencies)) {
      const found =
        `node_modules/${name}` in lock.packages || `${owner}/node_modules/${name}` in lock.packages
      t.true(found, `${owner} wants ${name}: run "node .ci/complete-lockfile.mjs"`)
    }
  }
})
