/** A self-signed certificate for local runs, made once and kept, so that a browser's exception lasts. */

import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeCertificate } from '../core/self-signed.ts'

const defaultFolder = join(import.meta.dirname, '../../.tls')
const dayMs = 24 * 3600 * 1000
const validDays = 365

/** One that ends sooner is made anew. */
const leastValidDays = 7

/**
 * Points TLS_CERT_FILE and TLS_KEY_FILE at a self-signed pair for localhost, unless they are set.
 * @param now milliseconds since 1970
 */
export async function useLocalCertificate(
  env: Record<string, string | undefined>,
  folder = defaultFolder,
  now = Date.now(),
): Promise<void> {
  if (env.TLS_CERT_FILE !== undefined || env.TLS_KEY_FILE !== undefined) return
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  if (!existsSync(keyFile) || !isValid(certFile, now)) await keepCertificate(certFile, keyFile, now)
  env.TLS_CERT_FILE = certFile
  env.TLS_KEY_FILE = keyFile
}

function isValid(certFile: string, now: number): boolean {
  if (!existsSync(certFile)) return false
  try {
    const { validToDate } = new X509Certificate(readFileSync(certFile))
    return validToDate.getTime() - now > leastValidDays * dayMs
  } catch {
    return false
  }
}

async function keepCertificate(certFile: string, keyFile: string, now: number): Promise<void> {
  const { key, cert } = await makeCertificate(validDays, now)
  mkdirSync(dirname(certFile), { recursive: true })
  writeFileSync(keyFile, key, { mode: 0o600 })
  writeFileSync(certFile, cert)
}
