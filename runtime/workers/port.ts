/** The one port of all workers. */
import { createServer, type ListenOptions, type Server } from 'node:net'
import { listenFault } from '../core/listen-fault.ts'

export interface ReservedPort {
  readonly port: number
  /** The first worker listens: connections are its own from now on. */
  release(): void
}

/**
 * Takes a port that nobody listens on, for processes that share it (SO_REUSEPORT, socket(7)). Each of them
 * would be let in beside a stranger that shares too, so the port is first taken for this process alone.
 * @param port 0 takes any free one
 * @throws Error when the address is taken, or this system does not spread connections over processes
 */
export async function reservePort(host: string, port: number): Promise<ReservedPort> {
  const alone = await listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    throw listenFault(host, port, cause)
  })
  const free = portOf(alone)
  await new Promise(resolve => alone.close(resolve))
  const held = await listen({ host, port: free, reusePort: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOTSUP') throw listenFault(host, free, cause)
    throw new Error('WORKERS: this system cannot spread connections over processes; leave it unset', {
      cause,
    })
  })
  return { port: free, release: () => held.close() }
}

function listen(options: ListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', reject)
    server.listen(options, () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
