/** What the rehearsal counts by: an answer held against its script, and its command line. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { WebSocketServer } from 'ws'
import { ScriptedClient } from './client.ts'
import { EventTally } from './event-tally.ts'
import { help, readOptions } from './options.ts'
import { turnsNamed, wordsOf } from './script.ts'
import { compare } from './tally.ts'

const words = (text: string) => text.split(' ')

for (const [what, got, counts, faults] of [
  ['whole', 'a b c d', {}, []],
  ['with a hole', 'a b d', { lost: 1 }, ['lost: "c"']],
  ['without its end', 'a b', { lost: 2 }, ['lost: "c", "d"']],
  ['with a word twice', 'a b b c d', { doubled: 1 }, ['doubled: "b"']],
  ['twice', 'a b c d a b c d', { doubled: 4 }, ['doubled: "a", "b", "c", "d"']],
  ['with two words changed about', 'a c b d', { disordered: 1 }, ['out of order: "c"']],
  ['with a word of somebody else', 'a b x c d', { foreign: 1 }, ['never asked for: "x"']],
  [
    'with a word in place of another',
    'a x c d',
    { lost: 1, foreign: 1 },
    ['lost: "b"', 'never asked for: "x"'],
  ],
  ['that never came', '', { lost: 4 }, ['lost: "a", "b", "c", "d"']],
] as const) {
  test(`an answer ${what}`, t => {
    const pieces = got === '' ? [] : words(got)
    const none = { lost: 0, doubled: 0, disordered: 0, foreign: 0 }
    t.deepEqual(compare(words('a b c d'), pieces), { ...none, ...counts, seen: pieces.length, faults })
  })
}

test('an answer that broke off may lack its end, and nothing in the middle', t => {
  t.like(compare(words('a b c d'), words('a b'), true), { lost: 0, doubled: 0 })
  t.like(compare(words('a b c d'), words('a c'), true), { lost: 1, faults: ['lost: "b"'] })
  t.like(compare(words('a b c d'), [], true), { lost: 0 })
})

test('numbers are the same in words and in digits, and what is remembered is named by client and turn', t => {
  t.deepEqual(wordsOf('Forty-two, 43, ninety!'), ['42', '43', '90'])
  t.deepEqual(turnsNamed('"count to 90 for client 12 turn 3", Client two, turn 4.'), ['12.3', '2.4'])
})

test('events are counted by their ids, and what began has to end', t => {
  const tally = new EventTally()
  const created = { type: 'response.created', event_id: 'e1', response: { id: 'r1' } }
  for (const event of [created, created, { type: 'response.done', event_id: 'e2', response: { id: 'r1' } }])
    tally.note(event)
  tally.note({ type: 'conversation.item.added', event_id: 'e3', item: { id: 'i1' } })
  tally.end(false)
  t.like(tally, { seen: 4, doubled: 1, lost: 1 })
  t.deepEqual(tally.faults, ['doubled: response.created', 'lost: the end of item i1'])
})

test('an answer that is cut has no end to wait for', t => {
  const tally = new EventTally()
  tally.note({ type: 'response.created', event_id: 'e1', response: { id: 'r1' } })
  tally.end(true)
  t.is(tally.lost, 0)
})

for (const [line, fault] of [
  ['--sessions 5', /--sessions: "5" is no whole number from 6 to 2000/],
  ['--grace 0', /--grace: "0"/],
  ['--ping-interval x', /--ping-interval: "x"/],
  ['--duration 1.5', /--duration: "1.5"/],
  ['--kill --scale-in', /--kill and --scale-in do not go together/],
  ['--plant frogs', /--plant: "frogs" is none of none, accept/],
  ['--target ftp://host', /--target: "ftp:\/\/host" is no address like wss:\/\/HOST/],
  ['--target wss://host --kill', /--kill does not go with --target/],
  ['--target wss://host --app voice', /--app and --resource-group go together/],
  ['--from blue', /--from goes with --target only/],
  ['--speed 3', /Unknown option '--speed'/],
] as const) {
  test(`"${line}" is not understood, and why`, t => {
    t.throws(() => readOptions(line.split(' ')), { message: fault })
  })
}

test('the help names every option, with the defaults that hold', t => {
  const plain = readOptions([])
  for (const name of ['sessions', 'duration', 'grace', 'ping-interval'] as const) {
    const key = name === 'ping-interval' ? 'pingInterval' : name
    t.regex(help, new RegExp(`--${name} \\w.*\\(${plain?.[key]}\\b`))
  }
  const words = 'scale-in kill label target any restart-command app resource-group from to out plant help'
  for (const name of words.split(' ')) t.true(help.includes(`--${name} `), name)
  t.is(readOptions(['--help']), null)
  t.like(readOptions(['--target', 'https://voice.example.com/']), { target: 'wss://voice.example.com' })
  t.like(readOptions(['--scale-in', '--label']), { mode: 'scale-in', label: true })
})

test('a client that is never answered gives up after a while, and says so', async t => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = `ws://127.0.0.1:${port}`
  const client = new ScriptedClient({
    id: 1,
    script: 'turns',
    cohort: 'first',
    url,
    voice: null,
    now: () => 0,
  })
  await client.start(100)
  t.deepEqual(client.record.faults, ['had no answer within 0.1 s of its start'])
  t.deepEqual(client.record.turns, [])
})
