/** What can be proved from outside, by what clients see alone. A thing that did not happen is not proved. */
import { goesOn, serviceRestart } from './proofs.ts'
import type { ClientRecord, Link, Proof } from './types.ts'

/** Commands that were run from here. */
export interface Commands {
  readonly ran: readonly string[]
  readonly failure: string
}

/** Two clients may hear of one moment so far apart (ms). */
const skewMs = 1000

export function targetProofs(clients: readonly ClientRecord[], commands: Commands | null): Proof[] {
  const links = clients.flatMap(({ links }) => links)
  return [
    ...(commands === null ? [] : [wereRun(commands)]),
    takesNoNewWork(links),
    staysConnected(links),
    endsGracefully(links),
    movesConnections(clients),
    goesOn(clients, false),
  ]
}

function wereRun({ ran, failure }: Commands): Proof {
  return {
    name: 'commands',
    passed: failure === '',
    meaning: 'Every command that moves the revisions was run.',
    evidence: [...ran, ...(failure === '' ? [] : [failure, 'what follows was left to somebody else'])],
  }
}

function takesNoNewWork(links: readonly Link[]): Proof {
  const going = replicasThatWent(links)
  const late = links.filter(link => link.openedAt > (going.get(placeOf(link)) ?? Infinity) + skewMs)
  return {
    name: 'cooldownPeriod',
    passed: going.size > 0 && late.length === 0,
    meaning: 'A replica that goes takes no new conversation.',
    evidence: [
      going.size === 0
        ? 'no replica said that it goes while the conversations were open: deactivate a revision meanwhile'
        : `${going.size} replicas said that they go: ${[...going.keys()].join(', ')}`,
      `${late.length} sockets opened there afterwards`,
    ],
  }
}

/** When each replica was first heard to go. */
function replicasThatWent(links: readonly Link[]): Map<string, number> {
  const going = new Map<string, number>()
  for (const link of links)
    if (link.noticedAt !== null)
      going.set(placeOf(link), Math.min(link.noticedAt, going.get(placeOf(link)) ?? Infinity))
  return going
}

function placeOf({ revision, replica }: Link): string {
  return `${revision} ${replica}`
}

function staysConnected(links: readonly Link[]): Proof {
  const cut = links.filter(({ closedAt, noticedAt }) => closedAt !== null && noticedAt === null)
  return {
    name: 'session affinity',
    passed: links.length > 0 && cut.length === 0,
    meaning: 'No socket is cut before its replica says that it goes, whatever becomes of the weights.',
    evidence: [
      `${links.length} sockets; ${cut.length} closed without a notice${cut.length > 0 ? `, with ${codesOf(cut)}` : ''}`,
    ],
  }
}

function endsGracefully(links: readonly Link[]): Proof {
  const closed = links.filter(({ closedAt, noticedAt }) => closedAt !== null && noticedAt !== null)
  const odd = closed.filter(({ code }) => code !== serviceRestart)
  return {
    name: 'graceful termination',
    passed: closed.length > 0 && odd.length === 0,
    meaning: 'A replica that goes tells its conversations so, and closes every socket by name.',
    evidence: [
      `${closed.length} sockets closed after a notice${closed.length > 0 ? `, with ${codesOf(closed)}` : ''}`,
    ],
  }
}

function codesOf(links: readonly Link[]): string {
  const codes = new Set(links.map(({ code }) => code))
  return [...codes].map(code => `${code} (${links.filter(link => link.code === code).length})`).join(', ')
}

function movesConnections(clients: readonly ClientRecord[]): Proof {
  const moved = clients.filter(({ links }) => new Set(links.map(placeOf)).size > 1)
  const revisions = [...new Set(clients.flatMap(({ links }) => links.map(({ revision }) => revision)))]
  const cohorts = [...new Set(clients.map(({ cohort }) => cohort))]
  const startsOf = (cohort: string, revision: string) =>
    clients.filter(client => client.cohort === cohort && client.links[0]?.revision === revision).length
  return {
    name: 'multi-revision',
    passed: moved.length > 0,
    meaning: 'Conversations began at one replica and went on at another.',
    evidence: [
      `${moved.length} of ${clients.length} conversations moved`,
      ...cohorts.map(
        cohort =>
          `${cohort}: ${revisions.map(revision => `${startsOf(cohort, revision)} began on ${revision}`).join(', ')}`,
      ),
    ],
  }
}
