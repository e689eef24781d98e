import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { useLocalCertificate } from '../../runtime/server/local-tls.ts'

const dayMs = 24 * 3600 * 1000

test('the local certificate is kept while it is valid, and made anew before it ends or where it is broken', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const at = async (now: number) => {
    const env: Record<string, string | undefined> = {}
    await useLocalCertificate(env, folder, now)
    return readFileSync(env.TLS_CERT_FILE ?? '', 'utf8')
  }
  const start = Date.now()
  const first = await at(start)
  t.is(await at(start + 300 * dayMs), first)
  const second = await at(start + 360 * dayMs)
  t.not(second, first)
  t.true(new X509Certificate(second).validToDate.getTime() > start + 700 * dayMs)
  writeFileSync(join(folder, 'cert.pem'), 'broken')
  t.notThrows(() => new X509Certificate(first))
  t.regex(await at(start), /BEGIN CERTIFICATE/)
})
