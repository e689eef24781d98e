/** Ports for what is started by its port: a Redis, a proxy, a gateway that is to come back. */
import { createServer } from 'node:net'

/** Below the ports that kernels give out by themselves (32768 and up on Linux, 49152 on others), above those of services. */
const firstPort = 20_000
const ports = 12_000

/**
 * A port that nobody listens on now, and that nobody is given who asks for any (0): who closes it finds it free
 * again, and another may listen there while old connections linger (SO_REUSEADDR).
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * ports)
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
