import test from 'ava'
import { labelHost } from '../../.github/scripts/azure-hands.ts'
import { type Hands, rollBack, rollOut, type Weight } from '../../.github/scripts/roll-out.ts'

const [blue, green] = ['app--rblue', 'app--rgreen']
const plan = { steps: [10, 50, 100], holdSec: 60, patienceSec: 3600 }

interface Stage {
  readonly weights?: readonly Weight[]
  readonly newest?: string
  readonly smoke?: () => void
  /** Throws at the n-th look at the held sockets. */
  readonly lostAt?: number
  readonly open?: number[]
}

function stage({
  weights = [{ revision: blue, weight: 100 }],
  newest = green,
  smoke,
  lostAt,
  open = [0],
}: Stage = {}) {
  const done: string[] = []
  let checks = 0
  const hands: Hands = {
    weights: async () => weights,
    update: async list => {
      done.push(
        `update ${list.map(({ revision, weight, label }) => `${revision}=${weight}${label ? `:${label}` : ''}`).join(' ')}`,
      )
    },
    newest: async () => newest,
    smoke: async revision => {
      done.push(`smoke ${revision}`)
      smoke?.()
    },
    holdSockets: async () => ({
      check: () => {
        checks += 1
        if (checks === lostAt) throw new Error('a socket was lost')
      },
      stop: async () => {
        done.push('stop sockets')
      },
    }),
    openSockets: async () => open.shift() ?? 0,
    deactivate: async revision => {
      done.push(`deactivate ${revision}`)
    },
    wait: async () => undefined,
    say: () => undefined,
  }
  return { done, hands }
}

const dark = `update ${blue}=100 newest=0:next`
const back = `update ${blue}=100 ${green}=0:next`

test('a release is tried in the dark, takes growing shares, and the old revision goes when its sockets have', async t => {
  const { done, hands } = stage({ open: [12, 3, 0] })
  await rollOut(plan, hands)
  t.deepEqual(done, [
    dark,
    `smoke ${green}`,
    `update ${blue}=90 ${green}=10:next`,
    `update ${blue}=50 ${green}=50:next`,
    `update ${green}=100`,
    'stop sockets',
    `deactivate ${blue}`,
  ])
})

test('a release that does not hold a conversation gets no traffic', async t => {
  const { done, hands } = stage({
    smoke: () => {
      throw new Error('no answer')
    },
  })
  await t.throwsAsync(rollOut(plan, hands), { message: 'no answer' })
  t.deepEqual(done, [dark, `smoke ${green}`, back])
})

test('a lost socket puts the weights back, and nothing is deactivated', async t => {
  const { done, hands } = stage({ lostAt: 2 })
  await t.throwsAsync(rollOut(plan, hands), { message: 'a socket was lost' })
  t.deepEqual(done.slice(-2), ['stop sockets', back])
  t.false(done.some(step => step.startsWith('deactivate')))
})

test('a first deployment has nothing to roll out', async t => {
  const { done, hands } = stage({ weights: [] })
  await rollOut(plan, hands)
  t.deepEqual(done, ['update '])
})

test('an update that makes no new revision rolls nothing out', async t => {
  const { done, hands } = stage({ newest: blue })
  await rollOut(plan, hands)
  t.deepEqual(done, [dark])
})

test('a roll-out does not start in the middle of another', async t => {
  const weights = [
    { revision: blue, weight: 50 },
    { revision: green, weight: 50 },
  ]
  const { done, hands } = stage({ weights })
  await t.throwsAsync(rollOut(plan, hands), { message: /under way/ })
  t.deepEqual(done, [])
})

test('sockets that do not go are told to drain when patience is over', async t => {
  const { done, hands } = stage({ open: Array.from({ length: 500 }, () => 1) })
  await rollOut(plan, hands)
  t.is(done.at(-1), `deactivate ${blue}`)
})

test('shares that do not grow to 100 are refused before anything happens', async t => {
  for (const steps of [[], [50], [50, 10, 100], [0, 100], [100, 100], [Number.NaN, 100]]) {
    const { done, hands } = stage()
    await t.throwsAsync(rollOut({ ...plan, steps }, hands), { message: /steps/ }, String(steps))
    t.deepEqual(done, [])
  }
})

test('a roll-back puts everything on the named revision and keeps the newest at hand', async t => {
  const { done, hands } = stage()
  await rollBack(blue, hands)
  t.deepEqual(done, [back])
  await t.throwsAsync(rollBack(green, hands), { message: /newest/ })
})

test("a label has a host of its own beside the app's", t => {
  t.is(
    labelHost('https://gptrt-prod.kindsea-1a2b.swedencentral.azurecontainerapps.io'),
    'https://gptrt-prod---next.kindsea-1a2b.swedencentral.azurecontainerapps.io',
  )
})
