/** `realtime-gateway/tools` is an import of every assistant, wherever its folder is. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { startToolHost } from '../../runtime/tools/tool-host.ts'
import { callOf, hostFor, keepLog, mebibyte, unruly } from './host.ts'

const root = join(import.meta.dirname, '../..')

/** An assistant outside of this checkout, with the tool `add`. @param packageJson what stands above it; null: nothing */
function assistantElsewhere(t: ExecutionContext, packageJson: object | null): string {
  const above = mkdtempSync(join(tmpdir(), 'assistants-'))
  t.teardown(() => rmSync(above, { recursive: true }))
  if (packageJson !== null) writeFileSync(join(above, 'package.json'), JSON.stringify(packageJson))
  mkdirSync(join(above, 'counter/tools'), { recursive: true })
  cpSync(join(unruly, 'tools/add.ts'), join(above, 'counter/tools/add.ts'))
  return join(above, 'counter')
}

const packages: [what: string, packageJson: object | null][] = [
  ['no package.json', null],
  ['a package.json of its own', { name: 'assistants', type: 'module' }],
  ['a package.json that says nothing of modules', { name: 'assistants' }],
  ['a package.json as "npm init" writes it', { name: 'assistants', type: 'commonjs' }],
]
for (const [what, packageJson] of packages)
  test.serial(`a tool is loaded from a folder with ${what}`, async t => {
    const { host, lines } = await hostFor(t, ['add'], { folder: assistantElsewhere(t, packageJson) })
    const result = await host.run(callOf('add', { by: 3 }))
    t.like(result, { kind: 'done', output: '{"count":3}' })
    t.deepEqual(
      lines.filter(({ event }) => event === 'tool.output'),
      [],
      'Node warns of nothing',
    )
  })

/** Files that are no tool, and what is said of each. */
const faulty: [name: string, text: string, fault: RegExp][] = [
  [
    'nothing',
    'export const tool = 1',
    /nothing\.ts: its default export is no tool; write `export default defineTool/,
  ],
  ['throws', "throw new Error('no database')", /throws\.ts: Error: no database/],
  ['syntax', 'export default {', /syntax\.ts: SyntaxError/],
  ['enums', 'enum A { b }\nexport default A', /enums\.ts: SyntaxError: .*enum is not supported/],
  ['imports', "import 'not-installed'", /imports\.ts: Error: Cannot find package 'not-installed'/],
  ['undescribed', definition("description: ' '"), /undescribed\.ts: TypeError: "description" is empty/],
  [
    'impatient',
    definition('timeoutMs: 0'),
    /impatient\.ts: TypeError: "timeoutMs" is 0: give whole milliseconds/,
  ],
  [
    'listed',
    definition('parameters: z.array(z.string())'),
    /listed\.ts: TypeError: "parameters" is not an object/,
  ],
  [
    'dated',
    definition('parameters: z.strictObject({ at: z.date() })'),
    /dated\.ts: TypeError: "parameters" cannot/,
  ],
  [
    'perhaps',
    definition("idempotent: 'no'"),
    /perhaps\.ts: TypeError: "idempotent" is neither true nor false/,
  ],
  ['idle', definition('run: null'), /idle\.ts: TypeError: "run" is not a function/],
]

function definition(part: string): string {
  return `import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({ description: 'x', parameters: z.strictObject({}), run: () => 1, ${part} })`
}

test.serial('files that are no tool stop the start, all of them at once, each by its name', async t => {
  const folder = assistantElsewhere(t, null)
  for (const [name, text] of faulty) writeFileSync(join(folder, 'tools', `${name}.ts`), text)
  const { log } = keepLog()
  const options = { assistant: 'counter', version: 'v1', folder, env: {}, memoryBytes: 256 * mebibyte, log }
  const tools = ['add', ...faulty.map(([name]) => name), 'missing']
  const fault = await t.throwsAsync(startToolHost({ ...options, tools, longestTimeoutMs: 20_000 }))
  const faults = fault?.message.split('\n') ?? []
  t.is(faults.length, faulty.length + 1, fault?.message)
  for (const [index, [, , expected]] of faulty.entries()) t.regex(faults[index] ?? '', expected)
  t.regex(faults.at(-1) ?? '', /missing\.ts: there is no such file$/)
})

/** Runs this Node. @returns what it wrote; rejects unless it exits with 0 */
function node(cwd: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // Its own runner, not a part of this one's.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    execFile(process.execPath, args, { cwd, env }, (fault, stdout, stderr) => {
      if (fault === null) resolve(stdout)
      else reject(new Error(`${stdout}${stderr}`))
    })
  })
}

test.serial("the café's own tests pass in Node's test runner, here and elsewhere", async t => {
  const tests = 'cafe/tests/tools.test.ts'
  t.regex(await node(join(root, 'assistants'), '--test', tests), /^# fail 0$/m)
  const elsewhere = mkdtempSync(join(tmpdir(), 'assistants-'))
  t.teardown(() => rmSync(elsewhere, { recursive: true }))
  cpSync(join(root, 'assistants/cafe'), join(elsewhere, 'cafe'), { recursive: true })
  const resolver = join(root, 'runtime/tools/resolve-tools.ts')
  t.regex(await node(elsewhere, '--import', resolver, '--test', tests), /^# fail 0$/m)
  writeFileSync(join(elsewhere, 'cafe/menu.json'), '[]')
  await t.throwsAsync(node(elsewhere, '--import', resolver, '--test', tests))
})

test.serial('a folder elsewhere that has the gateway as a package is checked by tsc', async t => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await node(root, compiler, '-p', 'tsconfig.tools.json')
  const elsewhere = mkdtempSync(join(tmpdir(), 'assistants-'))
  t.teardown(() => rmSync(elsewhere, { recursive: true }))
  cpSync(join(root, 'assistants/cafe'), join(elsewhere, 'cafe'), { recursive: true })
  mkdirSync(join(elsewhere, 'node_modules/@types'), { recursive: true })
  symlinkSync(root, join(elsewhere, 'node_modules/realtime-gateway'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(elsewhere, 'node_modules/@types/node'))
  writeFileSync(join(elsewhere, 'package.json'), JSON.stringify({ type: 'module' }))
  const compilerOptions = {
    ...{ strict: true, noEmit: true, module: 'nodenext', target: 'es2024', types: ['node'] },
    ...{ allowImportingTsExtensions: true, skipLibCheck: false },
  }
  writeFileSync(join(elsewhere, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['cafe'] }))
  await node(elsewhere, compiler, '-p', '.')
  const wrong = definition('async run({ sku }, { conversation }) { return conversation.updated(sku) }')
  writeFileSync(join(elsewhere, 'cafe/tools/wrong.ts'), wrong)
  const fault = await t.throwsAsync(node(elsewhere, compiler, '-p', '.'))
  t.regex(fault?.message ?? '', /wrong\.ts.*Property 'sku' does not exist/)
  t.regex(fault?.message ?? '', /wrong\.ts.*'updated' does not exist/)
})
