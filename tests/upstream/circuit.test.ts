/** When dials pass an upstream over, for how long, and which dial finds out whether it is there again. */
import test from 'ava'
import { Circuit } from '../../runtime/upstream/circuit.ts'

const pauseMs = 1000

type Step = (circuit: Circuit) => unknown

const fail: Step = circuit => circuit.failed(false)
const refuse: Step = circuit => circuit.failed(true)
const succeed: Step = circuit => circuit.succeeded()
const begin: Step = circuit => circuit.began()
const abandon: Step = circuit => circuit.abandoned()

/** What happens at which time (ms), and what is to be seen then. */
const rows: readonly (readonly [
  what: string,
  steps: readonly (readonly [atMs: number, step: Step])[],
  seen: readonly (readonly [atMs: number, state: Circuit['state']])[],
])[] = [
  ['nothing', [], [[0, 'closed']]],
  [
    'two failures',
    [
      [0, fail],
      [0, fail],
    ],
    [[0, 'closed']],
  ],
  [
    'three failures in a row',
    [
      [0, fail],
      [5, fail],
      [10, fail],
    ],
    [
      [10, 'open'],
      [1009, 'open'],
      [1010, 'half-open'],
    ],
  ],
  [
    'a success between failures',
    [
      [0, fail],
      [0, fail],
      [0, succeed],
      [0, fail],
      [0, fail],
    ],
    [[0, 'closed']],
  ],
  [
    'one refusal for want of capacity',
    [[0, refuse]],
    [
      [999, 'open'],
      [1000, 'half-open'],
    ],
  ],
  [
    'a dial after the pause',
    [
      [0, refuse],
      [1000, begin],
    ],
    [
      [1000, 'open'],
      [100_000, 'open'],
    ],
  ],
  [
    'a dial after the pause that succeeds',
    [
      [0, refuse],
      [1000, begin],
      [1001, succeed],
    ],
    [[1001, 'closed']],
  ],
  [
    'a dial after the pause that fails',
    [
      [0, refuse],
      [1000, begin],
      [1001, fail],
    ],
    [
      [1001, 'open'],
      [2000, 'open'],
      [2001, 'half-open'],
    ],
  ],
  [
    'a dial after the pause that tells nothing',
    [
      [0, refuse],
      [1000, begin],
      [1001, abandon],
    ],
    [[1001, 'half-open']],
  ],
  [
    'an upstream that asks to be left alone for longer',
    [[0, circuit => circuit.failed(true, 5000)]],
    [
      [4999, 'open'],
      [5000, 'half-open'],
    ],
  ],
  [
    'an upstream that asks for less than the pause',
    [[0, circuit => circuit.failed(true, 10)]],
    [
      [999, 'open'],
      [1000, 'half-open'],
    ],
  ],
  [
    'a dial under way that fails later than an upstream asked for longer',
    [
      [0, circuit => circuit.failed(true, 5000)],
      [10, fail],
    ],
    [
      [4999, 'open'],
      [5000, 'half-open'],
    ],
  ],
  [
    'a success after a long pause was asked for',
    [
      [0, circuit => circuit.failed(true, 5000)],
      [1, succeed],
    ],
    [[1, 'closed']],
  ],
]

for (const [what, steps, seen] of rows) {
  test(`after ${what}: ${seen.map(([atMs, state]) => `${state} at ${atMs} ms`).join(', ')}`, t => {
    let now = 0
    const circuit = new Circuit({ pauseMs, now: () => now })
    for (const [atMs, step] of steps) {
      now = atMs
      step(circuit)
    }
    for (const [atMs, state] of seen) {
      now = atMs
      t.is(circuit.state, state, `at ${atMs} ms`)
    }
  })
}

test('a dial is the one that finds out only where an upstream was passed over', t => {
  const circuit = new Circuit({ pauseMs, now: () => 0 })
  t.false(circuit.began())
  fail(circuit)
  fail(circuit)
  t.false(circuit.began())
  fail(circuit)
  t.true(circuit.began())
})

test('the end of the pause is told: in the past for one that is closed', t => {
  let now = 7
  const circuit = new Circuit({ pauseMs, now: () => now })
  t.true(circuit.openUntil < now)
  fail(circuit)
  fail(circuit)
  t.true(circuit.openUntil < now, 'two failures begin no pause')
  refuse(circuit)
  t.is(circuit.openUntil, 1007)
  now = 2000
  succeed(circuit)
  t.true(circuit.openUntil < 0)
})

test('a pause of no length is over at once', t => {
  const circuit = new Circuit({ pauseMs: 0, now: () => 7 })
  refuse(circuit)
  t.is(circuit.openUntil, 7)
  t.is(circuit.state, 'half-open')
})
