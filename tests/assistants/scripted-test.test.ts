/** Scripted conversations: read with the line of every fault, and judged turn by turn. */
import test from 'ava'
import { readScriptedTest } from '../../runtime/assistants/scripted-test.ts'
import { judgeTurn, type PlayedTurn } from '../../runtime/assistants/turn-verdict.ts'

const order = `model: [{ call: add_item, arguments: { sku: flat-white, quantity: 2 } }, [{ say: Two flat whites. }]]
turns:
  - say: Two flat whites, please.
    expect: { tools: [{ name: add_item, arguments: { sku: flat-white } }], state: { order: [{ quantity: 2 }] } }
  - say: That is all.
    during: { tool: place_order, do: drain }
    expect: { tools: [{ name: place_order, runs: 1 }], says: [thank you, /number A\\d+/] }
runs: 5
pass: 4
`

test('a tool that the assistant does not have is a fault wherever a test names it', t => {
  const text = `model:
  - { call: add_itm }
  - [{ say: One. }, { call: stock__checkstock }, { call: shop__anything }]
turns:
  - say: One.
    during: { tool: place_ordre, do: drain }
    expect: { tools: [{ name: add_item }, { name: cafe }] }
`
  const mcp = [
    { name: 'stock', url: 'https://stock', tools: ['check_stock'] },
    { name: 'shop', url: 'https://shop', tools: null },
  ]
  const read = readScriptedTest('x.yaml', text, { tools: ['add_item', 'place_order'], mcp })
  const allowed = 'add_item, place_order, stock__check_stock, shop__…'
  const fault = (line: number, key: string, name: string) => {
    const message = `${key}: the assistant has no tool "${name}"; allowed is ${allowed}`
    return { file: 'x.yaml', line, message }
  }
  t.deepEqual('faults' in read && read.faults, [
    fault(2, 'model[0].call', 'add_itm'),
    fault(3, 'model[1][1].call', 'stock__checkstock'),
    fault(6, 'turns[0].during.tool', 'place_ordre'),
    fault(7, 'turns[0].expect.tools[1].name', 'cafe'),
  ])
  const none = readScriptedTest('x.yaml', 'model: [{ call: a }]\nturns: [{ say: b }]', { tools: [], mcp: [] })
  t.like('faults' in none && none.faults[0], {
    message: 'model[0].call: the assistant has no tool "a"; it has none',
  })
})

test('a test is read', t => {
  const read = readScriptedTest('cafe/tests/order.yaml', order)
  if ('faults' in read) return t.fail(JSON.stringify(read.faults))
  t.is(read.test.turns.length, 2)
  t.deepEqual(read.test.turns[1]?.during, { tool: 'place_order', do: 'drain' })
  t.like(read.test, { runs: 5, pass: 4 })
  const plain = readScriptedTest('x.yaml', 'turns: [{ say: Hello }]')
  t.like('test' in plain && plain.test, { runs: 1 })
})

const faulty: [text: string, faults: [line: number, message: RegExp][]][] = [
  ['turns: [', [[1, /^is not valid YAML: /]]],
  ['model: []', [[1, /^turns: Invalid input: expected array, received undefined$/]]],
  ['turns: []', [[1, /^turns: Too small/]]],
  [
    'turns:\n  - say: Hello\n    expects: {}\n  - expect: {}\n',
    [
      [3, /^turns\[0\]\.expects: there is no such key$/],
      [4, /^turns\[1\]\.say: Invalid input: expected string, received undefined$/],
    ],
  ],
  [
    'turns:\n  - say: Hello\n    during:\n      tool: add_item\n      do: explode\n',
    [[5, /^turns\[0\]\.during\.do: Invalid input: expected "drain"$/]],
  ],
  [
    'turns:\n  - say: Hello\n    expect:\n      tools:\n        - name: add item\n          runs: -1\n',
    [
      [5, /^turns\[0\]\.expect\.tools\[0\]\.name: a name is of a-z/],
      [6, /^turns\[0\]\.expect\.tools\[0\]\.runs: Too small/],
    ],
  ],
  [
    'turns:\n  - say: Hello\n    expect:\n      says: /(/\n',
    [[4, /^turns\[0\]\.expect\.says: .*no regular expression$/]],
  ],
  [
    'model:\n  - { call: add_item, argument: {} }\n  - { say: 1 }\nturns: [{ say: Hello }]\n',
    [
      [2, /^model\[0\]\.argument: there is no such key$/],
      [3, /^model\[1\]\.say: Invalid input: expected string, received number$/],
    ],
  ],
  ['turns: [{ say: Hello }]\nruns: 2\npass: 3\n', [[3, /^pass: Invalid input: more than "runs"$/]]],
]
for (const [text, expected] of faulty)
  test(`faults of ${JSON.stringify(text)} name their lines`, t => {
    const read = readScriptedTest('cafe/tests/order.yaml', text)
    const faults = 'faults' in read ? read.faults : []
    t.deepEqual(
      faults.map(({ file, line }) => [file, line]),
      expected.map(([line]) => ['cafe/tests/order.yaml', line]),
      JSON.stringify(faults),
    )
    for (const [at, [, message]] of expected.entries()) t.regex(faults[at]?.message ?? '', message)
  })

const played: PlayedTurn = {
  tools: [
    { name: 'add_item', arguments: { sku: 'flat-white', size: 'small', quantity: 2 }, runs: 1 },
    { name: 'add_item', arguments: { sku: 'cinnamon-bun' }, runs: 1 },
  ],
  state: { order: [{ sku: 'flat-white', quantity: 2 }, { sku: 'cinnamon-bun' }], placed: null },
  said: 'Two flat whites, and a bun. Your number is A17.',
}

const verdicts: [what: string, expect: Parameters<typeof judgeTurn>[0], faults: RegExp[]][] = [
  ['nothing', {}, []],
  [
    'calls in any order',
    { tools: [{ name: 'add_item', arguments: { sku: 'cinnamon-bun' } }, { name: 'add_item' }] },
    [],
  ],
  [
    'other arguments',
    {
      tools: [
        { name: 'add_item', arguments: { quantity: 3 } },
        { name: 'add_item', arguments: { sku: 'cinnamon-bun' } },
      ],
    },
    [/^tools\[0\]: expected .*"quantity":3.*, there is .*"quantity":2/],
  ],
  [
    'other runs',
    { tools: [{ name: 'add_item', runs: 2 }, { name: 'add_item' }] },
    [/^tools\[0\]: expected .*"runs":2/],
  ],
  ['fewer calls', { tools: [{ name: 'add_item' }] }, [/^tools: a call that is not expected, .*cinnamon-bun/]],
  ['no call', { tools: [] }, [/not expected.*flat-white/, /not expected.*cinnamon-bun/]],
  [
    'another call',
    { tools: [{ name: 'add_item' }, { name: 'add_item' }, { name: 'place_order' }] },
    [/^tools\[2\]: expected .*place_order.*, there is no such call$/],
  ],
  ['part of the state', { state: { order: [{ quantity: 2 }, {}] } }, []],
  ['a null', { state: { placed: null } }, []],
  ['a shorter list', { state: { order: [{ quantity: 2 }] } }, [/^state: expected .*, there is /]],
  ['a field that is not there', { state: { total: null } }, [/^state: /]],
  ['words, in any case', { says: ['two FLAT whites', '/number is a\\d+/'] }, []],
  [
    'other words',
    { says: ['tea', '/^bun/'] },
    [/^says: expected "tea", it said "Two flat/, /^says: expected "\/\^bun\/"/],
  ],
]
for (const [what, expect, faults] of verdicts)
  test(`a turn is judged: ${what}`, t => {
    const found = judgeTurn(expect, played)
    t.is(found.length, faults.length, found.join('\n'))
    for (const [at, fault] of faults.entries()) t.regex(found[at] ?? '', fault)
  })
