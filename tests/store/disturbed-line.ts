/** A line to a server that can be disturbed while the server lives on. */
import { connect, createServer, type Socket } from 'node:net'
import type { Stage } from '../gateway/start.ts'

export interface DisturbedLine {
  readonly url: string
  /** Nothing goes through the connections that there are any more, as when a machine is gone; later ones are served. */
  silence(): void
  /** What is said goes through on the connections that there are, and no answer comes back; later ones are served. */
  swallowAnswers(): void
  /** Who dialled hears what no server says. */
  garble(): void
}

/** Stands before a server. @param url the server's */
export async function disturbedLine(t: Stage, url: string): Promise<DisturbedLine> {
  const behind = new URL(url)
  const near = new Set<Socket>()
  const far = new Set<Socket>()
  const server = createServer(caller => {
    const callee = connect(Number(behind.port), behind.hostname)
    near.add(caller)
    far.add(callee)
    caller.on('error', () => undefined).on('data', data => callee.write(data))
    callee.on('error', () => undefined).on('data', data => caller.write(data))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of [...near, ...far]) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return {
    url: `redis://127.0.0.1:${port}`,
    silence: () => {
      for (const socket of [...near, ...far]) socket.pause()
    },
    swallowAnswers: () => {
      for (const socket of far) socket.pause()
    },
    garble: () => {
      for (const socket of near) socket.write('nonsense\r\n')
    },
  }
}
