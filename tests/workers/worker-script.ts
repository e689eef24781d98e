/** A worker's process that says it listens, and then misbehaves in one manner. */
import { RpcPeer } from '../../runtime/workers/rpc-peer.ts'

/** A supervisor that is slow to answer is no part of any manner. */
const answerMs = 30_000

const manner = process.argv[2]
const link = new RpcPeer(process, {
  alive: () => {
    if (manner === 'stuck') for (;;);
  },
  drain: () => undefined,
})
if (manner !== 'never') await link.call('listening', ['http://worker'], answerMs)
if (manner === 'brief') process.exit(0)
