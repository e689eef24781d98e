/** HTTP servers of a test, on loopback. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { WebSocketServer } from 'ws'
import type { Stage } from './start.ts'

/** Serves until the test is over. @returns `http://127.0.0.1:PORT` */
export async function serveHttp(t: Stage, answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer(answer))}`
}

/** Has a server listen until the test is over. @param sockets that came through it, which are cut then @returns its port */
export async function listen(t: Stage, server: Server, sockets?: WebSocketServer): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets?.clients ?? []) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as { port: number }).port
}
