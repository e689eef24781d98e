/** What a restart did to the clients of any server of the Realtime API. A thing that did not happen is not proved. */
import type { Restart } from './portable.ts'
import { eventsOf, figuresOf, remembers, serviceRestart } from './proofs.ts'
import { codesOf } from './report.ts'
import type { ClientRecord, Proof, Report } from './types.ts'

/** RFC 6455 section 7.4.1: the endpoint goes away; the registry there: it restarts. */
const namedCodes: readonly (number | null)[] = [1001, serviceRestart]

const maxFaults = 10

/** @param back ids of the clients that were connected and answered at the end @param restart null: somebody restarted it */
export function portableProofs(
  clients: readonly ClientRecord[],
  back: readonly number[],
  restart: Restart | null,
): Proof[] {
  return [
    ...(restart === null ? [] : [wasRestarted(restart)]),
    sawRestart(clients),
    answersAreWhole(clients),
    answersCameOnce(clients),
    areBack(clients, back),
    areClosedByName(clients),
  ]
}

function wasRestarted({ command, failure }: Restart): Proof {
  return {
    name: 'commands',
    passed: failure === '',
    meaning: 'The command that restarts the server ended with 0.',
    evidence: [command, ...(failure === '' ? [] : [failure])],
  }
}

function closedLinks(clients: readonly ClientRecord[]) {
  return clients.flatMap(({ links }) => links.filter(({ closedAt }) => closedAt !== null))
}

function sawRestart(clients: readonly ClientRecord[]): Proof {
  const [closed, answering] = [closedLinks(clients), closedLinks(clients).filter(({ cut }) => cut)]
  return {
    name: 'restart',
    passed: closed.length > 0,
    meaning: 'The restart was met: connections ended while the conversations were open.',
    evidence: [`${closed.length} connections ended, ${answering.length} of them while an answer was due`],
  }
}

function answersAreWhole(clients: readonly ClientRecord[]): Proof {
  const { unheardWords } = figuresOf(clients)
  const { seen, lost, disordered, foreign } = eventsOf(clients)
  const faults = clients.flatMap(({ id, faults }) => faults.map(fault => `client ${id}: ${fault}`))
  return {
    name: 'whole answers',
    passed: unheardWords === 0 && lost === 0 && disordered === 0 && foreign === 0,
    meaning: 'Every answer that had begun came to its end on its connection, without a hole.',
    evidence: [
      `${unheardWords} words were missing when answers broke off`,
      `${seen} words and sounds came: ${lost} lost between others, ${disordered} out of order, ${foreign} never asked for`,
      ...faults.slice(0, maxFaults),
      ...(faults.length > maxFaults ? [`and ${faults.length - maxFaults} more, in report.json`] : []),
    ],
  }
}

function answersCameOnce(clients: readonly ClientRecord[]): Proof {
  const { doubled, turns } = figuresOf(clients)
  const events = eventsOf(clients)
  return {
    name: 'answers once',
    passed: doubled === 0 && events.doubled === 0,
    meaning: 'No answer came twice.',
    evidence: [`${doubled} of ${turns} answers, and ${events.doubled} words and events, came twice`],
  }
}

function areBack(clients: readonly ClientRecord[], back: readonly number[]): Proof {
  const { gapMs, redials, peakRedials, lost } = figuresOf(clients)
  const anew = clients.filter(({ links }) => links.length > 1)
  const refused = new Map<string, number>()
  for (const { outcome } of clients.flatMap(({ dials }) => dials))
    if (outcome !== 'open') refused.set(outcome, (refused.get(outcome) ?? 0) + 1)
  const why = [...refused].map(([outcome, count]) => `${outcome} (${count})`).join(', ')
  return {
    name: 'everyone back',
    passed: back.length === clients.length && lost === 0,
    meaning: 'Every client was connected again at the end, and had all of its answers.',
    evidence: [
      `${back.length} of ${clients.length} clients; ${lost} questions without an answer`,
      `from a close to the next session.created: ${gapMs.p50} ms median, ${gapMs.p99} ms at the 99th percentile, ${gapMs.max} ms at the most`,
      `${redials} dials again, ${peakRedials} within the worst second; refused: ${why || 'none'}`,
      `${anew.length} conversations began anew, ${anew.filter(client => !remembers(client)).length} of them without what was said before`,
    ],
  }
}

function areClosedByName(clients: readonly ClientRecord[]): Proof {
  const closed = closedLinks(clients)
  return {
    name: 'closed by name',
    passed: closed.length > 0 && closed.every(({ code }) => namedCodes.includes(code)),
    meaning: 'The server told its clients by the close code that it goes (1001) or restarts (1012).',
    evidence: [`close codes: ${codesOf(figuresOf(clients).closeCodes)}`],
  }
}

/** The yardstick in a few lines, for a terminal or a page. */
export function summaryOf({
  figures,
  events,
  clients,
}: Pick<Report, 'figures' | 'events' | 'clients'>): string {
  const { gapMs, closeCodes, redials, peakRedials, unheardWords, doubled } = figures
  const forgotten = clients.filter(client => client.links.length > 1 && !remembers(client))
  const rows: [string, string][] = [
    ['words lost', `${unheardWords + events.lost} (${events.seen} words and sounds came)`],
    ['answers doubled', String(doubled)],
    ['gap', `${gapMs.p50} ms median, ${gapMs.p99} ms at the 99th percentile, ${gapMs.max} ms at the most`],
    ['close codes', codesOf(closeCodes)],
    ['storm', `${peakRedials} dials within the worst second, ${redials} in all`],
    ['forgotten', `${forgotten.length} of ${clients.length} conversations lost what was said before`],
  ]
  return rows.map(([name, figure]) => `${name.padEnd(17)}${figure}`).join('\n')
}
