/**
 * Deactivates revisions that the stack does not list, each when its last socket has gone: an active revision keeps its
 * least replicas running, and paid for, until someone says so.
 */

export interface Hands {
  /** Revisions in the stack's outputs: they have traffic, or a label. */
  readonly weights: () => Promise<readonly { readonly revision: string; readonly weight: number }[]>
  readonly active: () => Promise<readonly string[]>
  readonly openSockets: (revision: string) => Promise<number>
  readonly deactivate: (revision: string) => Promise<void>
  readonly wait: (seconds: number) => Promise<void>
  readonly say: (line: string) => void
}

const pollSec = 30
/** What a replica logs is found by a query this late (learn.microsoft.com, azure-monitor/logs/data-ingestion-time). */
const logDelaySec = 300

/**
 * Waits for the sockets of idle revisions to go, and deactivates each revision that has none.
 * @param patienceSec a revision that holds sockets longer stays as it is, and is named
 * @returns the revisions that stay
 * @throws when the stack lists no revision, or one that has traffic is not active: what the stack does not list may be
 * all that serves, and none is deactivated
 */
export async function retireIdle(patienceSec: number, hands: Hands): Promise<readonly string[]> {
  let idle = await findIdle(hands)
  if (idle.length === 0) return []
  hands.say(`idle: ${idle.join(', ')}`)
  await hands.wait(logDelaySec)
  for (let waited = logDelaySec; idle.length > 0; waited += pollSec) {
    const left: string[] = []
    for (const revision of idle) {
      const open = await hands.openSockets(revision)
      hands.say(`${revision} holds ${open} sockets`)
      if (open > 0) left.push(revision)
      else await hands.deactivate(revision)
    }
    idle = left
    if (waited >= patienceSec) break
    if (idle.length > 0) await hands.wait(pollSec)
  }
  for (const revision of idle) hands.say(`${revision} stays: it holds sockets after ${patienceSec} s`)
  return idle
}

async function findIdle({ weights, active }: Hands): Promise<string[]> {
  const listed = await weights()
  if (listed.length === 0)
    throw new Error('The stack lists no revision: without knowing which one serves, none is deactivated')
  const running = await active()
  const absent = listed.filter(({ revision, weight }) => weight > 0 && !running.includes(revision))
  if (absent.length > 0)
    throw new Error(
      `${absent.map(({ revision }) => revision).join(', ')} should have traffic and is not active: none is deactivated`,
    )
  return running.filter(name => !listed.some(({ revision }) => revision === name))
}
