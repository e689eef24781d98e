import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { labelHost } from '../../.github/scripts/azure-hands.ts'
import { type Hands, rollBack, rollOut, type Weight } from '../../.github/scripts/roll-out.ts'

const [blue, green] = ['app--rblue', 'app--rgreen']
const plan = { steps: [10, 50, 100], holdSec: 60, patienceSec: 3600 }

interface Stage {
  readonly weights?: readonly Weight[]
  readonly newest?: string
  readonly smoke?: () => void
  readonly credential?: () => void
  /** Throws at the n-th look at the held sockets. */
  readonly lostAt?: number
  readonly open?: number[]
}

function stage({
  weights = [{ revision: blue, weight: 100 }],
  newest = green,
  smoke,
  credential,
  lostAt,
  open = [0],
}: Stage = {}) {
  const done: string[] = []
  const waits: number[] = []
  let checks = 0
  const hands: Hands = {
    weights: async () => weights,
    update: async list => {
      done.push(
        `update ${list.map(({ revision, weight, label }) => `${revision}=${weight}${label ? `:${label}` : ''}`).join(' ')}`,
      )
    },
    newest: async () => newest,
    keepImage: async () => {
      done.push('keep image')
    },
    checkCredential: async () => credential?.(),
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
    activate: async revision => {
      done.push(`activate ${revision}`)
    },
    deactivate: async revision => {
      done.push(`deactivate ${revision}`)
    },
    wait: async seconds => {
      waits.push(seconds)
    },
    say: () => undefined,
  }
  return { done, hands, waits }
}

test('a client without a credential is told of before anything is touched', async t => {
  const credential = () => {
    throw new Error('GATEWAY_CREDENTIAL is missing')
  }
  const { done, hands } = stage({ credential })
  await t.throwsAsync(rollOut(plan, hands), { message: /GATEWAY_CREDENTIAL/ })
  t.deepEqual(done, [])
})

const dark = `update ${blue}=100 newest=0:next`
const back = `update ${blue}=100 ${green}=0:next`

test('a release is tried in the dark, takes growing shares, and the old revision goes when its sockets have', async t => {
  const { done, hands } = stage({ open: [12, 3, 0] })
  await rollOut(plan, hands)
  t.deepEqual(done, [
    'keep image',
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
  t.deepEqual(done, ['keep image', dark, `smoke ${green}`, back])
})

test('a lost socket puts the weights back, and nothing is deactivated', async t => {
  const { done, hands } = stage({ lostAt: 2 })
  await t.throwsAsync(rollOut(plan, hands), { message: 'a socket was lost' })
  t.deepEqual(done.slice(-2), ['stop sockets', back])
  t.false(done.some(step => step.startsWith('deactivate')))
})

test('a first deployment is not rolled out: its image would be built here, and verified by nobody', async t => {
  const { done, hands } = stage({ weights: [] })
  await t.throwsAsync(rollOut(plan, hands), { message: /^Nothing runs yet: run the workflow deploy first/ })
  t.deepEqual(done, [])
})

test('an update that makes no new revision rolls nothing out', async t => {
  const { done, hands } = stage({ newest: blue })
  await rollOut(plan, hands)
  t.deepEqual(done, ['keep image', dark])
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

test('the log is given time to tell of the last sockets before their number is believed', async t => {
  const { waits, hands } = stage({ open: [0] })
  await rollOut(plan, hands)
  t.deepEqual(waits, [...plan.steps.map(() => plan.holdSec), 300])
})

test('a time that is no number of seconds is refused before anything happens: it would be no wait at all', async t => {
  for (const times of [
    { holdSec: Number.NaN },
    { patienceSec: Number.NaN },
    { holdSec: -1 },
    { patienceSec: 0.5 },
  ]) {
    const { done, hands } = stage()
    await t.throwsAsync(
      rollOut({ ...plan, ...times }, hands),
      { message: /seconds: allowed is/ },
      JSON.stringify(times),
    )
    t.deepEqual(done, [])
  }
})

test('the command refuses an empty number and a letter, and does nothing', t => {
  const command = fileURLToPath(new URL('../../.github/scripts/run-roll-out.ts', import.meta.url))
  const good = { STACK: 'dev', STEPS: '100', HOLD_SEC: '1', PATIENCE_SEC: '1', SOCKETS: '1', REVISION: '' }
  const faults = { SOCKETS: /sockets: allowed/, HOLD_SEC: /hold-seconds: allowed/, STEPS: /steps must be/ }
  for (const [name, fault] of Object.entries(faults)) {
    for (const value of ['', 'x']) {
      // No pulumi to be found: a command that came so far would say so.
      const env = { ...good, [name]: value, PATH: '' }
      const { status, stderr } = spawnSync(process.execPath, [command, 'release'], { env, encoding: 'utf8' })
      t.is(status, 1)
      t.regex(stderr, fault)
    }
  }
  const { stderr } = spawnSync(process.execPath, [command, 'rollback'], {
    env: { ...good, PATH: '' },
    encoding: 'utf8',
  })
  t.regex(stderr, /Name the revision to go back to/)
})

test('a roll-back has the named revision run, puts everything on it, keeps the newest at hand, and builds nothing', async t => {
  const { done, hands } = stage()
  await rollBack(blue, hands)
  t.deepEqual(done, ['keep image', `activate ${blue}`, back])
  await t.throwsAsync(rollBack(green, hands), { message: /newest/ })
})

test("a label has a host of its own beside the app's", t => {
  t.is(
    labelHost('https://gptrt-prod.kindsea-1a2b.swedencentral.azurecontainerapps.io'),
    'https://gptrt-prod---next.kindsea-1a2b.swedencentral.azurecontainerapps.io',
  )
})
