/** The examples of the documents, run as they stand there, against a gateway of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { startChild } from '../gateway/child.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { readPage, root } from './pages.ts'

/** The fenced blocks of a page in one language. */
const blocksOf = (page: string, language: string) =>
  [...readPage(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, code = '']) => code,
  )

/** Runs a program in the folder of the documents until it prints what is expected. */
async function runUntil(
  t: ExecutionContext,
  code: string,
  printed: RegExp,
  env: Record<string, string> = {},
) {
  const child = startChild(t, process.execPath, ['--input-type=module-typescript', '--eval', code], {
    cwd: join(root, 'docs'),
    env: { PATH: process.env.PATH, ...env },
    showsErrors: false,
  })
  let out = ''
  const seen = new Promise<void>((resolve, reject) => {
    const read = (data: Buffer) => {
      out += data
      if (printed.test(out)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('close', code => reject(new Error(`ended with ${code}: ${out}`)))
  })
  await t.notThrowsAsync(within(seen, patienceMs, `the example does not print ${printed}`))
}

/** Files of a certificate for localhost. */
async function certificateFiles(t: ExecutionContext) {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-documents-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  return files
}

test.serial('the TypeScript example of the README gets an answer with the OpenAI SDK', async t => {
  const [code = ''] = blocksOf('README.md', 'ts')
  const files = await certificateFiles(t)
  const { url } = await gatewayProcess(t, files)
  t.true(code.includes('https://localhost:8080'))
  const port = new URL(url).port
  const replaced = code.replace('https://localhost:8080', `https://localhost:${port}`)
  await runUntil(t, replaced, /^response\.done$/m, { NODE_EXTRA_CA_CERTS: files.TLS_CERT_FILE })
})

for (const [page, printed] of [
  ['README.md', /text-delta|transcript-delta/],
  ['docs/endpoints/chat.md', /\w/],
] as const)
  test.serial(`the example of /chat in ${page} gets an answer`, async t => {
    const code = blocksOf(page, 'js').find(text => text.includes('/chat')) ?? ''
    const { socketUrl } = await gatewayProcess(t)
    t.true(code.includes('ws://127.0.0.1:8080'))
    await runUntil(t, code.replace('ws://127.0.0.1:8080', socketUrl), printed)
  })

test.serial('the example of the resuming client gets an answer and a ticket', async t => {
  const [code = ''] = blocksOf('docs/resuming.md', 'js')
  const { socketUrl } = await gatewayProcess(t)
  t.true(code.includes("'./resuming-client.js'"))
  const placed = code.replace('./resuming-client.js', '../examples/resuming-client.js')
  await runUntil(t, placed.replace('ws://127.0.0.1:8080', socketUrl), /transcript-delta/)
})
