/** Tries to get into a replica itself while it goes: nobody should be let in. */
import { WebSocket } from 'ws'
import { sleep } from './waits.ts'

const knockIntervalMs = 100

/**
 * @param begins when the replica knows that it goes: until then it lets in whom it should
 * @returns what ends the knocking and gives the statuses (101: taken)
 */
export function knock(port: number, begins: Promise<void>): { stop(): Promise<number[]> } {
  const statuses: number[] = []
  let going = true
  const stopped = Promise.withResolvers<void>()
  const knocking = (async () => {
    await Promise.race([begins, stopped.promise])
    while (going) {
      const status = await knockOnce(port)
      if (status !== null) statuses.push(status)
      await sleep(knockIntervalMs)
    }
  })()
  return {
    stop: async () => {
      going = false
      stopped.resolve()
      await knocking
      return statuses
    },
  }
}

/** The status of one upgrade; null when nobody is there. */
function knockOnce(port: number): Promise<number | null> {
  return new Promise(resolve => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
    socket.once('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.once('unexpected-response', (request, response) => {
      request.destroy()
      resolve(response.statusCode ?? 0)
    })
    socket.once('error', () => resolve(null))
  })
}
