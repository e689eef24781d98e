/**
 * A roll-out, step by step: the new revision is tried in the dark, takes new connections in growing shares
 * while held sockets are watched, and the old one goes when its sockets are gone. Any failure puts the weights
 * back. What touches the outside is handed in.
 */

export interface Weight {
  readonly revision: string
  readonly weight: number
  readonly label?: string
}

export interface Hands {
  /** Weights as the stack's outputs have them; empty before the first deployment. */
  readonly weights: () => Promise<readonly Weight[]>
  /** Updates the stack; an empty list leaves the choice to the program: what runs stays, the new one is dark. */
  readonly update: (weights: readonly Weight[]) => Promise<void>
  /** From here on updates take the image that the last one ran, and build none. */
  readonly keepImage: () => Promise<void>
  /** Full name of the revision that the last update made. */
  readonly newest: () => Promise<string>
  /** Throws where the gateway asks clients for a credential and there is none: every try would be refused. */
  readonly checkCredential: () => Promise<void>
  /** Tries a revision by its label. Throws when it does not hold a conversation. */
  readonly smoke: (revision: string) => Promise<void>
  /** Holds sockets from outside; `check` throws once one was lost, `stop` ends them. */
  readonly holdSockets: () => Promise<{ check: () => void; stop: () => Promise<void> }>
  readonly openSockets: (revision: string) => Promise<number>
  /** Has a revision run that may have been deactivated. Throws when it is gone, or does not come to run. */
  readonly activate: (revision: string) => Promise<void>
  readonly deactivate: (revision: string) => Promise<void>
  readonly wait: (seconds: number) => Promise<void>
  readonly say: (line: string) => void
}

export interface Plan {
  /** Shares of the new revision in percent, growing, the last 100. */
  readonly steps: readonly number[]
  readonly holdSec: number
  /** The old revision is told to drain after this long, sockets or not (seconds). */
  readonly patienceSec: number
}

const darkLabel = 'next'
const pollSec = 30
/** What a replica logs is found by a query this late (learn.microsoft.com, azure-monitor/logs/data-ingestion-time). */
const logDelaySec = 300

/**
 * Rolls out the release that was deployed last. Builds nothing.
 * @throws what failed, after the weights were put back
 */
export async function rollOut(plan: Plan, hands: Hands): Promise<void> {
  checkPlan(plan)
  await hands.checkCredential()
  const before = await hands.weights()
  const [old, ...others] = before.filter(({ weight }) => weight > 0)
  if (others.length > 0) throw new Error('A roll-out is under way already: finish it, or roll back')
  if (old === undefined) throw new Error('Nothing runs yet: run the workflow deploy first, or pulumi up')
  // What is rolled out is what was deployed: the workflow verified it.
  await hands.keepImage()
  await hands.update([...named(old.revision, 100), { revision: 'newest', weight: 0, label: darkLabel }])
  const newest = await hands.newest()
  if (old.revision === newest) {
    hands.say(`${newest} takes all traffic already: there is nothing to roll out`)
    return
  }
  try {
    hands.say(`${newest} is up at weight 0`)
    await hands.smoke(newest)
    await shift(plan, hands, { old: old.revision, newest })
  } catch (fault) {
    hands.say(`Rolling back: ${fault instanceof Error ? fault.message : String(fault)}`)
    await hands.update([...named(old.revision, 100), { revision: newest, weight: 0, label: darkLabel }])
    throw fault
  }
  await retire(plan, hands, old.revision)
}

/**
 * Puts all traffic on an earlier revision, which is started again if it was deactivated; new connections follow
 * at once, open ones stay. Builds nothing: what is checked out may be what is wrong, and a way back does not wait
 * for a build.
 */
export async function rollBack(
  revision: string,
  hands: Pick<Hands, 'update' | 'newest' | 'keepImage' | 'activate' | 'say'>,
): Promise<void> {
  if (revision === '') throw new Error('Name the revision to go back to: the outputs of the stack list them')
  const newest = await hands.newest()
  if (revision === newest) throw new Error(`${revision} is the newest: name the revision to go back to`)
  await hands.keepImage()
  await hands.activate(revision)
  await hands.update([...named(revision, 100), { revision: newest, weight: 0, label: darkLabel }])
  hands.say(`${revision} takes all new connections again`)
}

async function shift(
  { steps, holdSec }: Plan,
  hands: Hands,
  { old, newest }: { old: string; newest: string },
) {
  const sockets = await hands.holdSockets()
  try {
    for (const share of steps) {
      await hands.update([
        ...named(old, 100 - share),
        { revision: newest, weight: share, ...(share < 100 && { label: darkLabel }) },
      ])
      hands.say(`${newest} takes ${share} % of new connections`)
      await hands.wait(holdSec)
      sockets.check()
    }
  } finally {
    await sockets.stop()
  }
}

async function retire({ patienceSec }: Plan, hands: Hands, old: string): Promise<void> {
  await hands.wait(logDelaySec)
  for (let waited = logDelaySec; waited < patienceSec; waited += pollSec) {
    const open = await hands.openSockets(old)
    hands.say(`${old} holds ${open} sockets`)
    if (open === 0) break
    await hands.wait(pollSec)
  }
  // The drain tells who is left to move, and hands their conversations over.
  await hands.deactivate(old)
  hands.say(`${old} is deactivated`)
}

/** An entry at weight 0 would keep a revision listed that may be gone by the next update. */
function named(revision: string, weight: number): Weight[] {
  return weight === 0 ? [] : [{ revision, weight }]
}

function checkPlan({ steps, holdSec, patienceSec }: Plan): void {
  const growing = steps.every(
    (share, index) => Number.isInteger(share) && share > (steps[index - 1] ?? 0) && share <= 100,
  )
  if (!growing || steps.at(-1) !== 100)
    throw new Error('The steps must be whole numbers that grow and end with 100')
  // A wait that is no number is no wait at all.
  for (const [name, seconds] of Object.entries({
    'hold-seconds': holdSec,
    'patience-seconds': patienceSec,
  })) {
    if (!Number.isInteger(seconds) || seconds < 0)
      throw new Error(`${name}: allowed is a whole number of seconds, 0 or more`)
  }
}
