/** Who a request is taken for, by its one credential: what is asked of whom, and what is refused. */
import test from 'ava'
import { Authenticator, type AuthenticatorOptions } from '../../runtime/access/authenticator.ts'
import type { SentCredential } from '../../runtime/access/credential-sources.ts'
import { GatewayError } from '../../runtime/core/errors.ts'

type Mode = AuthenticatorOptions['config']['modes'][number]

interface Shown {
  readonly modes: readonly Mode[]
  readonly kind?: 'upgrade' | 'http'
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: string
}

interface Refused {
  readonly code: GatewayError['code']
  /** As the log has them. */
  readonly reason: string
  readonly place: SentCredential['source'] | null
}

/** A gate that knows a key, a token, a ticket and an ephemeral key; and what it asks and logs. */
function stage({ modes, loopback = false }: { modes: readonly Mode[]; loopback?: boolean }) {
  const asked: string[] = []
  const logged: Record<string, unknown>[] = []
  const gate = new Authenticator({
    config: { modes, allowedOrigins: ['https://page.example'], loopback },
    checkKey: secret => {
      asked.push('key')
      return secret === 'the-key' ? { name: 'key:alice', by: 'key' } : null
    },
    checkToken: async token => {
      asked.push('token')
      if (token === 'the-token') return { principal: { name: 'entra:bob', by: 'entra' } }
      return { refused: token === 'no-role' ? 'forbidden' : 'unauthorized', reason: `token: ${token}` }
    },
    spendTicket: async ticket => {
      asked.push('ticket')
      return ticket === 'the-ticket' ? { name: 'key:carol', by: 'key' } : null
    },
    principalOfEphemeral: async key => {
      asked.push('ephemeral')
      return key === 'ek_known' ? { name: 'key:dora', by: 'ephemeral' } : null
    },
    ephemeralPaths: ['/realtime'],
    log: {
      info: () => undefined,
      warn: (_event, fields) => void logged.push({ ...fields }),
      error: () => undefined,
    },
  })
  return { gate, asked, logged }
}

const bearer = (value: string) => ({ authorization: `Bearer ${value}` })
const noCredential = 'no credential'

const rows: readonly (readonly [
  what: string,
  shown: Shown,
  asked: readonly string[],
  outcome: readonly [name: string, by: string] | Refused,
])[] = [
  ['no credential where none is asked for', { modes: [] }, [], ['anonymous', 'none']],
  ['a key where none is asked for', { modes: [], headers: bearer('x') }, [], ['anonymous', 'none']],
  ['no credential', { modes: ['key'] }, [], { code: 'unauthorized', reason: noCredential, place: null }],
  ['the key', { modes: ['key'], headers: bearer('the-key') }, ['key'], ['key:alice', 'key']],
  [
    'the key as api-key',
    { modes: ['key'], headers: { 'api-key': 'the-key' } },
    ['key'],
    ['key:alice', 'key'],
  ],
  [
    'a wrong key',
    { modes: ['key'], headers: bearer('x') },
    ['key'],
    { code: 'unauthorized', reason: 'key: unknown', place: 'authorization' },
  ],
  [
    'the key where only tokens are taken',
    { modes: ['entra'], headers: bearer('the-key') },
    ['token'],
    { code: 'unauthorized', reason: 'token: the-key', place: 'authorization' },
  ],
  ['the token', { modes: ['entra'], headers: bearer('the-token') }, ['token'], ['entra:bob', 'entra']],
  [
    'the token where both are taken',
    { modes: ['key', 'entra'], headers: bearer('the-token') },
    ['key', 'token'],
    ['entra:bob', 'entra'],
  ],
  [
    'the key where both are taken',
    { modes: ['key', 'entra'], headers: bearer('the-key') },
    ['key'],
    ['key:alice', 'key'],
  ],
  [
    'a token without the role',
    { modes: ['entra'], headers: bearer('no-role') },
    ['token'],
    { code: 'forbidden', reason: 'token: no-role', place: 'authorization' },
  ],
  ['the ticket', { modes: ['key'], query: 'ticket=the-ticket' }, ['ticket'], ['key:carol', 'key']],
  [
    'the ticket over HTTP, which is not spent',
    { modes: ['key'], kind: 'http', query: 'ticket=the-ticket' },
    [],
    { code: 'unauthorized', reason: noCredential, place: null },
  ],
  [
    'a spent ticket',
    { modes: ['key'], query: 'ticket=x' },
    ['ticket'],
    { code: 'unauthorized', reason: 'ticket: unknown, spent or too old', place: 'ticket' },
  ],
  [
    'the key beside a ticket, which is not spent',
    { modes: ['key'], headers: bearer('the-key'), query: 'ticket=the-ticket' },
    ['key'],
    ['key:alice', 'key'],
  ],
  [
    'an ephemeral key',
    { modes: ['key'], path: '/realtime', headers: bearer('ek_known') },
    ['key', 'ephemeral'],
    ['key:dora', 'ephemeral'],
  ],
  [
    'an ephemeral key over HTTP',
    { modes: ['entra'], kind: 'http', path: '/realtime', headers: bearer('ek_known') },
    ['ephemeral'],
    ['key:dora', 'ephemeral'],
  ],
  [
    'an ephemeral key that was not minted here',
    { modes: ['key', 'entra'], path: '/realtime', headers: bearer('ek_other') },
    ['key', 'ephemeral'],
    { code: 'unauthorized', reason: 'ephemeral key: not minted here, or expired', place: 'authorization' },
  ],
  [
    'an ephemeral key at another path',
    { modes: ['key'], path: '/chat', headers: bearer('ek_known') },
    ['key'],
    { code: 'unauthorized', reason: 'key: unknown', place: 'authorization' },
  ],
]

for (const [
  what,
  { modes, kind = 'upgrade', path = '/chat', headers = {}, query = '' },
  asked,
  outcome,
] of rows) {
  const isRefused = 'code' in outcome
  test(`${what}: ${isRefused ? outcome.code : outcome[0]}`, async t => {
    const stood = stage({ modes })
    const request = {
      ...{ path, headers: new Map(Object.entries(headers)), query: new URLSearchParams(query) },
      address: '192.0.2.1',
    }
    const came = await stood.gate.identify(request, kind).catch(error => error)
    t.deepEqual(stood.asked, [...asked])
    if (isRefused) {
      const { code, ...logged } = outcome
      t.true(came instanceof GatewayError)
      t.is(came.code, code)
      t.deepEqual(stood.logged, [{ route: path, address: '192.0.2.1', ...logged }])
    } else {
      t.deepEqual([came.name, came.by], [...outcome])
      t.deepEqual(stood.logged, [])
    }
  })
}

const origins: readonly (readonly [origin: string, loopback: boolean, isAllowed: boolean])[] = [
  ['https://page.example', false, true],
  ['https://gateway.example', false, true],
  ['https://other.example', false, false],
  ['http://localhost:5173', true, true],
  ['http://localhost:5173', false, false],
]

for (const [origin, loopback, isAllowed] of origins) {
  test(`a page of ${origin} ${isAllowed ? 'may' : 'may not'} connect${loopback ? ' on loopback' : ''}`, t => {
    const { gate, logged } = stage({ modes: [], loopback })
    const headers = new Map([
      ['origin', origin],
      ['host', 'gateway.example'],
    ])
    const request = { path: '/chat', headers, query: new URLSearchParams(), address: '192.0.2.1' }
    if (isAllowed) return t.notThrows(() => gate.checkOrigin(request))
    t.throws(() => gate.checkOrigin(request), { code: 'forbidden' })
    t.is(logged[0]?.reason, `origin ${origin} is not in ALLOWED_ORIGINS`)
  })
}

test('of a long origin the log has the beginning', t => {
  const { gate, logged } = stage({ modes: [] })
  const origin = `https://${'x'.repeat(500)}`
  const headers = new Map([['origin', origin]])
  const request = { path: '/chat', headers, query: new URLSearchParams(), address: '192.0.2.1' }
  t.throws(() => gate.checkOrigin(request), { code: 'forbidden' })
  t.is(logged[0]?.reason, `origin ${origin.slice(0, 128)} is not in ALLOWED_ORIGINS`)
})
