/** Whose address counts, and which pages may connect. */
import test from 'ava'
import { createAddressReader, plainAddress } from '../../runtime/access/address.ts'
import { isOriginAllowed } from '../../runtime/access/origin.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { addressKey } from '../../runtime/limits/limit-subject.ts'

const proxies = readConfig({ TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32, 192.0.2.1' }).access.trustedProxies

const hops: [peer: string, forwarded: string | undefined, client: string][] = [
  ['203.0.113.1', '198.51.100.1', '203.0.113.1'],
  ['10.1.2.3', undefined, '10.1.2.3'],
  ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['10.1.2.3', '198.51.100.1:5678', '198.51.100.1'],
  ['10.1.2.3', '[2001:db9::1]:443', '2001:db9::1'],
  ['10.1.2.3', 'forged, 198.51.100.1, 10.9.9.9', '198.51.100.1'],
  ['10.1.2.3', '1.2.3.4, 198.51.100.1', '198.51.100.1'],
  ['10.1.2.3', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
  ['10.1.2.3', 'unknown', '10.1.2.3'],
  ['10.1.2.3', '', '10.1.2.3'],
  ['0000:0000:0000:0000:0000:ffff:0a01:0203', '198.51.100.1', '198.51.100.1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '198.51.100.1', '198.51.100.1'],
  ['2001:db9::1', '198.51.100.1', '2001:db9::1'],
  ['192.0.2.1', '198.51.100.1', '198.51.100.1'],
  ['192.0.2.2', '198.51.100.1', '192.0.2.2'],
  ['10.1.2.3', `198.51.100.1,${' 10.0.0.1,'.repeat(50)} 10.0.0.2`, '10.0.0.1'],
  // Twenty addresses are looked at.
  ['10.1.2.3', `198.51.100.1${', 10.0.0.1'.repeat(19)}`, '198.51.100.1'],
  ['10.1.2.3', `198.51.100.1${', 10.0.0.1'.repeat(20)}`, '10.0.0.1'],
  ['fe80::1%eth0', '198.51.100.1', 'fe80::1'],
  ['10.1.2.3', 'fe80::1%eth0', 'fe80::1'],
  ['10.1.2.3', '[2001:db9::1]', '2001:db9::1'],
  ['10.1.2.3', '198.51.100.1, 2001:db8::7', '198.51.100.1'],
  ['no address', '198.51.100.1', 'no address'],
]

for (const [peer, forwarded, client] of hops) {
  test(`the peer ${peer} with "${forwarded?.slice(0, 60)}" (${forwarded?.length ?? 0}) is the client ${client}`, t => {
    t.is(createAddressReader(proxies)(peer, forwarded), client)
  })
}

test('without trusted proxies the header is never believed', t => {
  t.is(createAddressReader([])('10.1.2.3', '198.51.100.1'), '10.1.2.3')
})

test('addresses are written in one form, and anything else is none', t => {
  t.is(plainAddress('::ffff:1.2.3.4'), '1.2.3.4')
  t.is(plainAddress('::ffff:201.102.83.254'), '201.102.83.254')
  t.is(plainAddress('[::ffff:0:1]:80'), '0.0.0.1')
  t.is(plainAddress('::1.2.3.4'), '::102:304')
  t.is(plainAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  for (const text of ['', 'host', '1.2.3', '1.2.3.4.5', '[::1', '%eth0']) t.is(plainAddress(text), null)
})

/** Hosts that are dialled on loopback by what names no origin: no page, or one that reads from what it takes for its own host. */
const dialled: readonly (readonly [host: string | null, allowed: readonly string[], isAllowed: boolean])[] = [
  [null, [], true],
  ['', [], true],
  ['127.0.0.1:8080', [], true],
  ['localhost', [], true],
  ['[::1]:8080', [], true],
  ['evil.example:8080', [], false],
  ['evil.example:8080', ['*'], true],
  ['gateway.example', ['https://gateway.example'], true],
  ['gateway.example:8080', ['https://gateway.example'], true],
  ['evil.example', ['https://gateway.example'], false],
  ['not a host', ['https://gateway.example'], false],
]

for (const [host, allowed, isAllowed] of dialled) {
  test(`without an origin ${host ?? 'no host'} may ${isAllowed ? '' : 'not '}be dialled on loopback, where ${allowed.join() || 'nothing else'} is allowed`, t => {
    const headers = new Map(host === null ? [] : [['host', host]])
    t.is(isOriginAllowed(headers, { allowed, loopback: true }), isAllowed)
    t.true(isOriginAllowed(headers, { allowed, loopback: false }))
  })
}

/** Origins that are listed, and what a page of one origin may. */
const listed: readonly (readonly [origin: string, allowed: readonly string[], isAllowed: boolean])[] = [
  ['https://page.example', ['https://page.example'], true],
  ['https://page.example', ['*'], true],
  ['http://page.example', ['https://page.example'], false],
  ['https://page.example:444', ['https://page.example'], false],
  ['null', ['*'], true],
]

for (const [origin, allowed, isAllowed] of listed) {
  test(`a page of ${origin} ${isAllowed ? 'may' : 'may not'} connect where ${allowed.join()} is allowed`, t => {
    for (const loopback of [false, true])
      t.is(isOriginAllowed(new Map([['origin', origin]]), { allowed, loopback }), isAllowed)
  })
}

test('an IPv6 network of 64 bits counts as one address', t => {
  t.is(addressKey('2001:db8:1:2:3:4:5:6'), addressKey('2001:db8:1:2::9'))
  t.not(addressKey('2001:db8:1:2::9'), addressKey('2001:db8:1:3::9'))
  t.is(addressKey('1.2.3.4'), '1.2.3.4')
})

const pages: [what: string, headers: Record<string, string>, loopback: boolean, allowed: boolean][] = [
  ['no page', { host: 'gateway.example' }, false, true],
  ['its own page', { host: 'gateway.example', origin: 'https://gateway.example' }, false, true],
  [
    'its own page on a port',
    { host: 'gateway.example:8443', origin: 'https://gateway.example:8443' },
    false,
    true,
  ],
  [
    'its own page behind a default port',
    { host: 'gateway.example:443', origin: 'https://gateway.example' },
    false,
    true,
  ],
  [
    'its own page behind a gateway that rewrites the host',
    { host: 'app.internal', 'x-original-host': 'gateway.example', origin: 'https://gateway.example' },
    false,
    true,
  ],
  [
    'its own page behind a proxy that forwards the host',
    { host: 'app.internal', 'x-forwarded-host': 'gateway.example', origin: 'https://gateway.example' },
    false,
    true,
  ],
  ['another page', { host: 'gateway.example', origin: 'https://other.example' }, false, false],
  [
    'a page on another port',
    { host: 'gateway.example', origin: 'https://gateway.example:8443' },
    false,
    false,
  ],
  ['a page in a sandbox', { host: 'gateway.example', origin: 'null' }, false, false],
  ['a page from a file', { host: 'gateway.example', origin: 'file://' }, false, false],
  [
    'a name that points to this machine',
    { host: 'evil.example:8080', origin: 'http://evil.example:8080' },
    true,
    false,
  ],
  ['a local page', { host: '127.0.0.1:8080', origin: 'http://localhost:5173' }, true, true],
]

for (const [what, headers, loopback, allowed] of pages) {
  test(`${what} may ${allowed ? '' : 'not '}connect ${loopback ? 'on loopback' : ''}`, t => {
    t.is(isOriginAllowed(new Map(Object.entries(headers)), { allowed: [], loopback }), allowed)
  })
}
