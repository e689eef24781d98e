/** A self-signed certificate for local runs, made once and kept, so that a browser's exception lasts. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../../.tls')
const certFile = join(folder, 'cert.pem')
const keyFile = join(folder, 'key.pem')
const validDays = 365

/** Points TLS_CERT_FILE and TLS_KEY_FILE at a self-signed pair for localhost, unless they are set. */
export async function useLocalCertificate(env: Record<string, string | undefined>): Promise<void> {
  if (env.TLS_CERT_FILE !== undefined || env.TLS_KEY_FILE !== undefined) return
  if (!existsSync(certFile)) await makeCertificate()
  env.TLS_CERT_FILE = certFile
  env.TLS_KEY_FILE = keyFile
}

async function makeCertificate(): Promise<void> {
  const { generate } = await import('selfsigned')
  const notAfterDate = new Date(Date.now() + validDays * 24 * 3600 * 1000)
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    notAfterDate,
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  mkdirSync(folder, { recursive: true })
  writeFileSync(keyFile, key, { mode: 0o600 })
  writeFileSync(certFile, cert)
}
