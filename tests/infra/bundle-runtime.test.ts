import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { bundleRuntime } from '../../image/bundle-runtime.ts'
import { layOutPlainImage } from './image-files.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A folder that can be bundled: each entry is there. */
function folderOf(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bundled-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  cpSync(join(root, 'image'), join(folder, 'image'), { recursive: true })
  const entries = [
    ...['main', 'simulator/server', 'simulator/model/script', 'try/main'],
    ...['tools/define-tool', 'tools/resolve-tools', 'tools/tool-process'],
  ].map(name => [`runtime/${name}.ts`, `export const name = '${name}'\n`])
  const all = { 'package.json': '{"type":"module"}', ...Object.fromEntries(entries), ...files }
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text as string)
  }
  return folder
}

function run(folder: string, file = 'runtime/main.js'): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, file)], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`It printed ${stdout}${stderr}`)
  }
}

test('a bundled file finds what it names relative to its source, and the entries are files of their names', async t => {
  const folder = folderOf(t, {
    'runtime/main.ts': ["import { besides } from './b/b.ts'", 'console.log(JSON.stringify(besides))'].join(
      '\n',
    ),
    'runtime/b/b.ts': [
      "import { readFileSync } from 'node:fs'",
      "import { join } from 'node:path'",
      "const text: string = readFileSync(join(import.meta.dirname, 'text.txt'), 'utf8')",
      "export const besides = { text, program: new URL('../tools/tool-process.ts', import.meta.url).pathname }",
    ].join('\n'),
    'runtime/b/text.txt': 'text',
    'runtime/menu/menu.ts': 'export const menu: string = ""\n',
  })
  await bundleRuntime(folder)
  t.deepEqual(run(folder), { text: 'text', program: join(folder, 'runtime/tools/tool-process.js') })
  t.deepEqual(globSync('runtime/**/*.ts', { cwd: folder }), ['runtime/menu/menu.ts'])
  for (const name of ['main', 'simulator/server', 'simulator/model/script', 'try/main', 'tools/define-tool'])
    t.is(globSync(`runtime/${name}.js`, { cwd: folder }).length, 1, name)
})

for (const [entry, source] of Object.entries({
  'runtime/main.js': 'runtime/main.ts',
  'runtime/tools/tool-process.js': 'runtime/tools/tool-process.ts',
}))
  test(`${entry}: a stack names the files and lines of the sources`, async t => {
    const folder = folderOf(t, {
      'runtime/b/fault.ts': [
        'interface Longer {',
        '  readonly text: string',
        '}',
        'export function makeFault({ text }: Longer): Error {',
        '  return new Error(text)',
        '}',
      ].join('\n'),
      [source]: [
        `import { makeFault } from '${source === 'runtime/main.ts' ? '.' : '..'}/b/fault.ts'`,
        '',
        "console.log(JSON.stringify(makeFault({ text: 'no' }).stack?.match(/[^ (]*\\.ts:\\d+/g)))",
      ].join('\n'),
    })
    await bundleRuntime(folder)
    t.deepEqual(run(folder, entry), [`${join(folder, 'runtime/b/fault.ts')}:5`, `${join(folder, source)}:3`])
  })

test('an import of a file that does not exist ends the build, and names both', async t => {
  const folder = folderOf(t, { 'runtime/main.ts': "import './b.ts'\n" })
  const { message } = await t.throwsAsync(bundleRuntime(folder))
  t.regex(message, /runtime\/main\.ts/)
  t.regex(message, /'\.\/b\.ts'/)
})

test('the image has what its package exports, no sources and no simulator', t => {
  const app = layOutPlainImage(t)
  const { exports } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  for (const { default: file } of Object.values(exports)) t.is(globSync(file, { cwd: app }).length, 1, file)
  t.deepEqual(globSync('runtime/**/*.ts', { cwd: app, exclude: ['runtime/menu/**'] }), [])
  t.false(globSync('runtime/**', { cwd: app }).some(file => file.includes('simulator/')))
})
