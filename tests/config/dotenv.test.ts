/** The file `.env`, as people and editors write it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { addDotenv } from '../../runtime/config/dotenv.ts'
import { startChild, startMs } from '../gateway/child.ts'
import { within } from '../gateway/within.ts'

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dotenv-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a file adds what the environment does not have, an empty variable included', t => {
  const file = join(folderOf(t), '.env')
  writeFileSync(file, '# comment\r\nPORT=9000\r\nHOST="::1"\r\nexport WORKERS=2\r\nLOG_LEVEL=warn\r\n')
  const environment = { PORT: '8000', LOG_LEVEL: '' }
  t.is(addDotenv(environment, file), null)
  t.deepEqual(environment, { PORT: '8000', LOG_LEVEL: '', HOST: '::1', WORKERS: '2' } as object)
})

test('the byte order mark of an editor is no part of the first name', t => {
  const file = join(folderOf(t), '.env')
  writeFileSync(file, '\uFEFFGATEWAY_AUTH=key\n')
  const environment = {}
  t.is(addDotenv(environment, file), null)
  t.deepEqual(environment, { GATEWAY_AUTH: 'key' })
})

test('where there is no file nothing is added, and nothing wrong', t => {
  const environment = {}
  t.is(addDotenv(environment, join(folderOf(t), '.env')), null)
  t.deepEqual(environment, {})
})

const mains = { gateway: ['main.ts'], try: ['try/main.ts', 'default'] }
for (const [name, [program = '', ...words]] of Object.entries(mains))
  test(`${name}: a file that cannot be read is named, with what to do, and no stack`, async t => {
    const cwd = folderOf(t)
    // What Docker makes of a file to mount that is not there.
    mkdirSync(join(cwd, '.env'))
    const main = fileURLToPath(new URL(`../../runtime/${program}`, import.meta.url))
    const child = startChild(t, process.execPath, [main, ...words], { cwd, showsErrors: false })
    let said = ''
    child.stderr.on('data', chunk => {
      said += chunk
    })
    const code = await within(
      new Promise<number | null>(resolve => child.once('close', resolve)),
      startMs,
      'the program does not end',
    )
    t.is(code, 1)
    t.regex(
      said,
      /^\.env cannot be read \(EISDIR: .*\): make it a text file that this user may read, or remove it\n$/,
    )
  })
