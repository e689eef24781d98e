/** The same clients against a deployed gateway, while a person (or a workflow) moves its revisions. */
import { ScriptedClient } from './client.ts'
import type { Options } from './options.ts'
import { figuresOf } from './proofs.ts'
import type { ClientRecord, Mark, Proof } from './types.ts'

const phases = ['idle', 'turns', 'speaking'] as const
const batch = 10
const watchIntervalMs = 5000

/** The commands that move a container app's revisions, for a person to run meanwhile. */
const commands = [
  'az containerapp revision list -n APP -g GROUP -o table',
  'az containerapp ingress traffic set -n APP -g GROUP --revision-weight OLD=50 NEW=50',
  'az containerapp ingress traffic set -n APP -g GROUP --revision-weight OLD=0 NEW=100',
  'az containerapp revision label add -n APP -g GROUP --label green --revision NEW',
  'az containerapp revision deactivate -n APP -g GROUP --revision OLD',
]

export async function watchTarget(
  target: string,
  { sessions, duration }: Options,
  progress: (line: string) => void,
): Promise<{ marks: Mark[]; clients: ClientRecord[]; proofs: Proof[] }> {
  const startedAt = performance.now()
  const now = () => Math.round(performance.now() - startedAt)
  const headers: Record<string, string> =
    process.env.API_KEY === undefined ? {} : { 'api-key': process.env.API_KEY }
  const clients = Array.from({ length: sessions }, (_, place) => {
    const phase = phases[place % phases.length] ?? 'idle'
    return new ScriptedClient({ id: place + 1, phase, cohort: 'first', url: target, headers, now })
  })
  for (let opened = 0; opened < clients.length; opened += batch) {
    await Promise.all(clients.slice(opened, opened + batch).map(client => client.start()))
  }
  progress(
    `${sessions} conversations are open for ${duration} s. Move the revisions now:\n${commands.map(line => `  ${line}`).join('\n')}`,
  )
  const marks: Mark[] = [{ at: now(), what: 'open' }]
  const end = now() + duration * 1000
  while (now() < end) {
    await new Promise(resolve => setTimeout(resolve, Math.min(watchIntervalMs, end - now())))
    for (const client of clients) client.beginPart()
    progress(`${Math.round(now() / 1000)} s  ${placesOf(clients)}`)
  }
  await Promise.all(clients.map(client => client.finish()))
  const records = clients.map(({ record }) => record)
  return { marks, clients: records, proofs: [continuity(records)] }
}

function placesOf(clients: readonly ScriptedClient[]): string {
  const counts = new Map<string, number>()
  for (const { link } of clients)
    counts.set(link?.revision ?? '–', (counts.get(link?.revision ?? '–') ?? 0) + 1)
  return [...counts].map(([revision, count]) => `${revision}: ${count}`).join('  ')
}

function continuity(clients: readonly ClientRecord[]): Proof {
  const { lost, doubled, forgotten, gapMs, sockets } = figuresOf(clients)
  return {
    name: 'continuity',
    passed: lost === 0 && doubled === 0 && forgotten === 0,
    meaning: 'Every conversation goes on, knows what was said, and gets every answer once.',
    evidence: [
      `${clients.length} conversations over ${sockets} sockets: ${lost} turns lost, ${doubled} doubled, ${forgotten} without their memory`,
      `from close to resumed: ${gapMs.p50} ms median, ${gapMs.p99} ms at the 99th percentile`,
    ],
  }
}
