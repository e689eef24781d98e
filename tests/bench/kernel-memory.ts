/** What the kernel keeps for sockets, of the whole machine. */
import { readFileSync } from 'node:fs'

/** Slabs of a TCP socket over IPv4, and of what stands behind its file (slabinfo(5)). */
const slabsOfSockets = new Set([
  ...['TCP', 'sock_inode_cache', 'dentry', 'filp', 'eventpoll_epi', 'eventpoll_pwq'],
  ...['tcp_bind_bucket', 'tcp_bind2_bucket', 'skbuff_head_cache', 'skbuff_small_head'],
])

const pageBytes = 4096

/**
 * Reads what sockets take: their slabs, and pages of unsent and unread data (`/proc/net/sockstat`) (bytes). Only root may
 * read the slabs. @returns null where they cannot be read
 */
export function kernelBytes(): number | null {
  try {
    const slabs = slabBytes(readFileSync('/proc/slabinfo', 'utf8'))
    return slabs + bufferPages(readFileSync('/proc/net/sockstat', 'utf8')) * pageBytes
  } catch {
    return null
  }
}

/** Bytes of objects in use in the slabs of sockets. */
export function slabBytes(slabinfo: string): number {
  return slabinfo
    .split('\n')
    .map(line => line.split(/\s+/))
    .filter(([name = '']) => slabsOfSockets.has(name))
    .reduce((sum, [, inUse, , size]) => sum + Number(inUse) * Number(size), 0)
}

/** Pages that TCP holds for data. */
export function bufferPages(sockstat: string): number {
  return Number(/^TCP:.* mem (\d+)/m.exec(sockstat)?.[1] ?? 0)
}
