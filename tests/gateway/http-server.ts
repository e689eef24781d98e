/** An HTTP server of a test, on loopback. */
import { createServer, type RequestListener } from 'node:http'
import type { Stage } from './start.ts'

/** Serves until the test is over. @returns `http://127.0.0.1:PORT` */
export async function serveHttp(t: Stage, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return `http://127.0.0.1:${port}`
}
