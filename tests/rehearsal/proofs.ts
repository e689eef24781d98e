/** What the rehearsal proves, and with what evidence. */
import { type NetworkCounts, networkFaults } from './network.ts'
import type { Options } from './options.ts'
import { type Outcome, oldReplica, type ToolOutcome } from './plan.ts'
import { textOf } from './script.ts'
import { addTally, emptyTally } from './tally.ts'
import { type ClientRecord, type Figures, type Link, type Proof, phases, type Report } from './types.ts'

export const serviceRestart = 1012

export function figuresOf(clients: readonly ClientRecord[]): Figures {
  const turns = clients.flatMap(({ turns }) => turns)
  const links = clients.flatMap(({ links }) => links)
  const redials = clients.flatMap(({ dials }) => dials.slice(1).map(({ at }) => at))
  const closeCodes: Record<string, number> = {}
  for (const { code } of links) if (code !== null) closeCodes[code] = (closeCodes[code] ?? 0) + 1
  return {
    clients: clients.length,
    sockets: links.length,
    turns: turns.length,
    lost: turns.filter(({ answers }) => answers === 0).length,
    doubled: turns.filter(({ answers }) => answers > 1).length,
    cut: turns.reduce((sum, { cuts }) => sum + cuts, 0),
    forgotten: clients.filter(client => !remembers(client)).length,
    gapMs: quantiles(clients.flatMap(({ gaps }) => gaps)),
    closeCodes,
    unheardWords: clients.reduce((sum, { unheardWords }) => sum + unheardWords, 0),
    redials: redials.length,
    peakRedials: mostWithin(redials, secondMs),
  }
}

const secondMs = 1000

/** The most of some moments that lie within a time of that length. */
function mostWithin(moments: readonly number[], ms: number): number {
  const sorted = [...moments].sort((a, b) => a - b)
  let first = 0
  let most = 0
  for (const [place, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= ms) first += 1
    most = Math.max(most, place - first + 1)
  }
  return most
}

/** Words, sounds and events of all conversations together. */
export function eventsOf(clients: readonly ClientRecord[]): Report['events'] {
  const sum = emptyTally()
  for (const { events } of clients) addTally(sum, events)
  return { ...sum, cut: clients.reduce((cut, { cutEvents }) => cut + cutEvents, 0) }
}

export function proofsOf(options: Options, outcome: Outcome): Proof[] {
  const killed = options.mode === 'kill'
  return [
    isEverywhere(outcome),
    ...(killed ? [] : [takesNoNewWork(outcome), endsGracefully(options, outcome)]),
    staysConnected(outcome),
    weightsMoveNewConnections(options, outcome),
    goesOn(outcome.clients, true),
    ...(outcome.network === null ? [] : [isBad(outcome.network)]),
    ...(outcome.runs === null ? [] : [runsOnce(options, outcome.runs, outcome.clients)]),
  ]
}

/** A network that does nothing to anybody proves nothing. */
function isBad(counts: NetworkCounts): Proof {
  return {
    name: 'bad network',
    passed: networkFaults.every(fault => counts[fault] > 0),
    meaning: 'Connections met every fault of a bad network.',
    evidence: [
      `of ${counts.connections} connections: ${networkFaults.map(fault => `${counts[fault]} ${fault}`).join(', ')}`,
    ],
  }
}

/** A tool on the server runs at most once, and the model is told of every call how it ended. */
function runsOnce(
  { mode }: Options,
  { running, counts: { began, ended } }: ToolOutcome,
  clients: readonly ClientRecord[],
): Proof {
  const calls = clients
    .filter(({ script }) => script === 'server tool')
    .flatMap(({ id, turns }) => turns.map(turn => ({ said: textOf('number', id, turn.number), turn })))
    .filter(({ said, turn }) => turn.call !== null || said in began)
  const twice = Object.values(began).filter(count => count > 1).length
  const never = calls.filter(({ said }) => !(said in began)).length
  const unanswered = calls.filter(({ turn }) => turn.call === null).length
  const interrupted = calls.filter(({ turn }) => turn.call === 'interrupted').length
  const hidden = calls.filter(({ said, turn }) => !(said in ended) && turn.call === 'done').length
  return {
    name: 'server tools',
    passed:
      running > 0 &&
      twice + never + unanswered + hidden === 0 &&
      interrupted === (mode === 'kill' ? running : 0),
    meaning:
      'A tool that runs on the server runs once for each call: in a drain to its end; of one that was interrupted the model is told so.',
    evidence: [
      `${running} tools ran on the old replica when it was told to go`,
      `of ${calls.length} calls, Redis counts ${twice} that ran more than once, and ${never} that did not run`,
      `${interrupted} were interrupted, and the model was told so; ${hidden} did not end, and the model was told otherwise`,
      `${unanswered} had no answer`,
    ],
  }
}

/** A switch that meets no session in some phase proves nothing for it. */
function isEverywhere({ phases: found }: Outcome): Proof {
  const wanted = phases.filter(phase => phase !== 'away')
  return {
    name: 'every phase',
    passed: wanted.every(phase => found[phase] > 0),
    meaning: 'When the old replica was told to go, it held conversations in every phase.',
    evidence: [wanted.map(phase => `${phase}: ${found[phase]}`).join(', ')],
  }
}

/** A revision that scales in takes no new traffic. */
function takesNoNewWork({ knocks, clients, goneAt }: Outcome): Proof {
  const taken = knocks.filter(status => status === 101).length
  const refused = knocks.filter(status => status === 503).length
  const late = oldLinks(clients).filter(({ openedAt }) => openedAt > goneAt)
  return {
    name: 'cooldownPeriod',
    passed: taken === 0 && refused > 0 && late.length === 0,
    meaning: 'A replica that is scaled in takes no new conversation from the first moment on.',
    evidence: [
      `${knocks.length} upgrades were tried at the replica itself after the signal: ${refused} refused with 503, ${taken} taken`,
      `${late.length} conversations reached it through the proxy after the signal`,
    ],
  }
}

/** A long socket is not cut by a revision switch. */
function staysConnected({ marks, clients, goneAt }: Outcome): Proof {
  const moved = marks.find(({ what }) => what === 'weights 50/50')?.at ?? 0
  const before = clients.filter(({ cohort }) => cohort === 'first').flatMap(({ links }) => links.slice(0, 1))
  const cut = before.filter(
    ({ closedAt, broken }) => broken === null && closedAt !== null && closedAt >= moved && closedAt < goneAt,
  )
  return {
    name: 'session affinity',
    passed: before.length > 0 && cut.length === 0,
    meaning: 'Moving weights cuts no socket: a conversation stays where it began until its replica goes.',
    evidence: [
      `${before.length} sockets were open while the weights moved; ${cut.length} of them were cut before the signal`,
    ],
  }
}

/** The grace period reaches the process. */
function endsGracefully({ grace }: Options, { ending, clients, goneAt }: Outcome): Proof {
  const closed = oldLinks(clients).filter(
    ({ closedAt, broken }) => broken === null && closedAt !== null && closedAt >= goneAt,
  )
  const odd = closed.filter(({ code }) => code !== serviceRestart)
  const logged = ['signal.received', 'drain.started', 'drain.completed'].every(event =>
    ending.events.includes(event),
  )
  return {
    name: 'graceful termination',
    passed: ending.code === 0 && !ending.killed && logged && odd.length === 0 && closed.length > 0,
    meaning:
      'SIGTERM reaches the process, which ends by itself within the grace period and closes every socket by name.',
    evidence: [
      `ended ${ending.ms} ms after SIGTERM with ${ending.code === null ? ending.signal : `exit code ${ending.code}`}; the grace period was ${grace} s${ending.killed ? ' and ran out: SIGKILL' : ''}`,
      `log: ${[...new Set(ending.events.filter(event => /^(signal|drain)/.test(event)))].join(', ') || 'no word of a signal'}`,
      `${closed.length} sockets closed after the signal, ${odd.length} of them with another code than ${serviceRestart}`,
    ],
  }
}

/** Weights move new connections, old ones stay. */
function weightsMoveNewConnections({ label }: Options, { clients, labelled }: Outcome): Proof {
  const replicas = (cohort: string) =>
    clients.filter(client => client.cohort === cohort).map(({ links }) => links[0]?.replica)
  const [half, fresh] = [replicas('half'), replicas('new')]
  const halfOnGreen = half.filter(replica => replica === 'green-1').length
  const freshOnBlue = fresh.filter(replica => replica !== 'green-1').length
  const both = halfOnGreen > 0 && halfOnGreen < half.length
  const byLabel = !label || labelled.every(replica => replica === 'green-1')
  return {
    name: 'multi-revision',
    passed: both && freshOnBlue === 0 && fresh.length > 0 && byLabel,
    meaning: 'Both revisions serve at once; weights decide for new connections only.',
    evidence: [
      `at 50/50, ${halfOnGreen} of ${half.length} new conversations began on the new replica`,
      `at 0/100, ${fresh.length - freshOnBlue} of ${fresh.length} did`,
      ...(label ? [`by its label's host: ${labelled.join(', ')}`] : []),
    ],
  }
}

/** No conversation is lost, and nothing of one. */
export function goesOn(clients: readonly ClientRecord[], isScripted: boolean): Proof {
  const { lost, doubled, forgotten, cut, gapMs } = figuresOf(clients)
  const events = eventsOf(clients)
  const faults = clients.flatMap(({ id, faults }) => faults.map(fault => `client ${id}: ${fault}`))
  const whole = events.lost + events.doubled + events.disordered === 0
  // A model that is no simulator may say more than the script.
  const asScripted = !isScripted || (events.foreign === 0 && faults.length === 0)
  return {
    name: 'continuity',
    passed: lost === 0 && doubled === 0 && forgotten === 0 && whole && asScripted,
    meaning:
      'Every conversation goes on at another replica, knows what was said, and gets every answer once and whole.',
    evidence: [
      `${lost} turns lost, ${doubled} doubled, ${forgotten} conversations without their memory`,
      `${events.seen} words, sounds and events of answers: ${events.lost} lost, ${events.doubled} doubled, ${events.disordered} out of order, ${events.foreign} never asked for`,
      `${cut} turns were in flight when their socket closed, and asked again; ${events.cut} words and sounds of their answers had come`,
      `from close to resumed: ${gapMs.p50} ms median, ${gapMs.p99} ms at the 99th percentile, ${gapMs.max} ms at the most`,
      ...faults.slice(0, maxFaults),
      ...(faults.length > maxFaults ? [`and ${faults.length - maxFaults} more, in report.json`] : []),
    ],
  }
}

const maxFaults = 10

function oldLinks(clients: readonly ClientRecord[]): Link[] {
  return clients.flatMap(({ links }) => links.filter(({ replica }) => replica === oldReplica))
}

/** Whether it remembers what was said; a turn that was asked again may be remembered as said twice. */
export function remembers({ memory, turns }: ClientRecord): boolean {
  if (memory === null) return false
  const cut = new Set(turns.filter(({ cuts }) => cuts > 0).map(({ number }) => number))
  const remembered = memory.remembered.filter(
    (name, place, all) => name !== all[place - 1] || !cut.has(Number(name.split('.')[1])),
  )
  return memory.expected.join() === remembered.join()
}

function quantiles(values: readonly number[]): Figures['gapMs'] {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
