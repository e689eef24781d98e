import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { compileRuntime } from '../../image/compile-runtime.ts'
import { layOutPlainImage } from './image-files.ts'

function folderOf(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'compiled-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [file, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}

test('imports of every kind lead to the compiled files, and lines stay where they were', async t => {
  const folder = folderOf(t, {
    'runtime/a.ts': [
      "import type { B } from './b/b.ts'",
      "import { b } from './b/b.ts'",
      "export { b as again } from './b/b.ts'",
      'export const sum: B = b',
      "export const later = () => import('./b/b.ts')",
      "export const file = new URL('./b/b.ts', import.meta.url).pathname",
      "export const text = 'menu/menu.ts'",
      'export const line = () => new Error().stack?.match(/a\\.js:(\\d+):(\\d+)/)?.slice(1)',
    ].join('\n'),
    'runtime/b/b.ts': 'export type B = number\nexport const b: B = 4\n',
    'runtime/menu/menu.ts': 'export const menu: string = ""\n',
  })
  compileRuntime(folder)
  t.deepEqual(globSync('**/*.?s', { cwd: folder }).sort(), [
    'runtime/a.js',
    'runtime/b/b.js',
    'runtime/menu/menu.ts',
  ])
  const compiled = (await import(pathToFileURL(join(folder, 'runtime/a.js')).href)) as {
    readonly [name: string]: unknown
    later(): Promise<{ b: number }>
    line(): string[]
  }
  t.is(compiled.sum, 4)
  t.is(compiled.again, 4)
  t.is((await compiled.later()).b, 4)
  t.is(compiled.file, join(folder, 'runtime/b/b.js'))
  t.is(compiled.text, 'menu/menu.ts')
  t.is(compiled.line()[0], '8')
})

test('an import of a file that does not exist ends the build, and names both', t => {
  const folder = folderOf(t, { 'runtime/a.ts': "import './b.ts'\n" })
  t.throws(() => compileRuntime(folder), { message: /runtime\/a\.ts imports "\.\/b\.ts": no such file/ })
})

test('what the package exports of an image exists there, and no file of it strips types at a start', t => {
  const app = layOutPlainImage(t)
  const { exports } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  for (const { default: file } of Object.values(exports)) t.is(globSync(file, { cwd: app }).length, 1, file)
  t.deepEqual(globSync('runtime/**/*.ts', { cwd: app, exclude: ['runtime/menu/**'] }), [])
})
