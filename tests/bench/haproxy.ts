/** HAProxy as a relay of one thread. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { type Child, startChild, systemPath } from '../gateway/child.ts'
import { freePort } from '../gateway/free-port.ts'
import { mostSessions } from './process-tree.ts'
import type { Certificate, Upstream } from './source.ts'

/** More than any row opens. It does not start with more than the limit of open files allows. */
const haproxyConnections = Math.min(11_000, mostSessions())

/**
 * Starts it before an upstream.
 * @param clientCertificate with which it serves clients by TLS; null serves them without
 * @returns on which port it will listen
 */
export async function spawnHaproxy(
  upstream: Upstream,
  clientCertificate: Certificate | null,
): Promise<{ child: Child; port: number }> {
  const port = await freePort()
  // The certificate is this machine's own; who checks it does so once a connection, which no row measures.
  const tls = upstream.certificate === null ? '' : ' ssl verify none ssl-min-ver TLSv1.3'
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const clientTls =
    clientCertificate === null ? '' : ` ssl crt ${writeBundle(folder, clientCertificate)} ssl-min-ver TLSv1.3`
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${haproxyConnections}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend relay
  bind 127.0.0.1:${port}${clientTls}
  default_backend upstream
backend upstream
  server upstream 127.0.0.1:${upstream.port}${tls}
`,
  )
  const child = startChild(null, 'haproxy', ['-db', '-q', '-f', file], {
    showsErrors: false,
    env: { ...process.env, PATH: systemPath },
  })
  for (const output of [child.stdout, child.stderr]) output.resume()
  return { child, port }
}

/** HAProxy reads the certificate and its key from one file. @returns its name */
function writeBundle(folder: string, { certFile, keyFile }: Certificate): string {
  const file = join(folder, 'bundle.pem')
  writeFileSync(file, `${readFileSync(certFile, 'utf8')}\n${readFileSync(keyFile, 'utf8')}`, { mode: 0o600 })
  return file
}

/** HAProxy says nothing when it is ready. @throws Error when nobody listens in time */
export async function untilListening(port: number): Promise<void> {
  for (const deadline = performance.now() + startMs; ; await rest(pollMs)) {
    const isThere = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isThere) return
    if (performance.now() > deadline) throw new Error(`nobody listens on port ${port}`)
  }
}

const startMs = 10_000
const pollMs = 20
