/** HAProxy standing for the ingress: weights for new connections, old ones stay where they are. */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, systemPath } from '../gateway/child.ts'
import { sleep } from './waits.ts'

export interface Ingress {
  readonly port: number
  /** Shares of new connections by server name (percent). */
  setWeights(weights: Readonly<Record<string, number>>): Promise<void>
  stop(): void
}

/** @param servers ports by name; a host name that begins with `NAME---` reaches that server by its label */
export async function startProxy(port: number, servers: Readonly<Record<string, number>>): Promise<Ingress> {
  const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'))
  const admin = join(folder, 'admin.sock')
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(file, configuration(port, servers, admin))
  const child = startChild(null, 'haproxy', ['-db', '-f', file], {
    showsErrors: false,
    env: { ...process.env, PATH: systemPath },
  })
  for (const output of [child.stdout, child.stderr]) output.resume()
  child.once('error', () => {
    console.error('haproxy is missing: run "apt-get install -y haproxy"')
    process.exit(1)
  })
  await answering(admin, child)
  return {
    port,
    setWeights: async weights => {
      for (const [name, weight] of Object.entries(weights))
        await command(admin, `set server app/${name} weight ${weight}`)
    },
    stop: () => child.kill('SIGKILL'),
  }
}

/** `noreuseport`: two proxies that were given one port would share it unawares. */
function configuration(port: number, servers: Readonly<Record<string, number>>, admin: string): string {
  const names = Object.keys(servers)
  const lines = names.map(name => `  server ${name} 127.0.0.1:${servers[name]} weight 100`)
  const labels = names.map(name => `  use_backend label_${name} if { hdr_beg(host) ${name}--- }`)
  const labelled = names.map(name => `backend label_${name}\n  server ${name} 127.0.0.1:${servers[name]}`)
  return `global
  stats socket ${admin} mode 600 level admin
  maxconn 4000
  noreuseport
defaults
  mode http
  timeout connect 30s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend ingress
  bind 127.0.0.1:${port}
${labels.join('\n')}
  default_backend app
backend app
  balance roundrobin
${lines.join('\n')}
${labelled.join('\n')}
`
}

/** Whoever answers at the port may be somebody else, who took it before; at the socket it is HAProxy. */
async function answering(admin: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startMs
  while (child.exitCode === null && performance.now() < deadline) {
    const answer = await command(admin, 'show info').catch(() => '')
    if (answer.startsWith('Name: HAProxy')) return
    await sleep(pollMs)
  }
  child.kill('SIGKILL')
  throw new Error(`haproxy does not answer; it ended with ${child.exitCode}`)
}

const startMs = 60_000
const pollMs = 20

function command(path: string, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(path, () => socket.end(`${words}\n`))
    socket.on('data', data => {
      answer += data
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
  })
}
