/**
 * Who is at the other end: the socket's peer, or whom a trusted proxy says it speaks for.
 * Written here over `BlockList` of Node, as `proxy-addr` wants a request of `node:http`, and takes no address with a port
 * for a proxy's or a client's: Application Gateway writes them so.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Network } from '../config/access.ts'

/** No chain of proxies is longer than this; what stands before is not looked at. */
const maxHops = 20

/**
 * Makes the reader of a client's address. `X-Forwarded-For` is read from the right, as each proxy adds
 * the peer that it saw: the first address that is no trusted proxy's is the client's, and whatever the
 * client wrote before it is not believed.
 * @returns takes the peer's address and the header, answers an address without port
 */
export function createAddressReader(
  trusted: readonly Network[],
): (peer: string, forwardedFor: string | undefined) => string {
  const proxies = new BlockList()
  for (const { address, prefix, family } of trusted) proxies.addSubnet(address, prefix, family)
  const isProxy = (address: string) => proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  return (peer, forwardedFor) => {
    let client = plainAddress(peer) ?? peer
    if (forwardedFor === undefined || trusted.length === 0) return client
    const hops = forwardedFor.split(',').slice(-maxHops).reverse()
    for (const hop of hops) {
      if (isIP(client) === 0 || !isProxy(client)) return client
      const before = plainAddress(hop.trim())
      if (before === null) return client
      client = before
    }
    return client
  }
}

/** Writes an address in its usual form: no port, no brackets, IPv4 where it is mapped into IPv6. @returns null for no address */
export function plainAddress(text: string): string | null {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1]
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/.exec(text)?.[1]
  // The zone of a link-local address names a network card of ours.
  const address = (bracketed ?? withPort ?? text).replace(/%.*$/, '')
  if (isIP(address) !== 6) return isIP(address) === 4 ? address : null
  const short = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (mapped === null) return short
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
