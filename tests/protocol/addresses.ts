/** Which addresses of the protocol the gateway and the simulator have, found by asking. */
import { WebSocket } from 'ws'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { gatewayFor, type Stage } from '../gateway/start.ts'

export interface Doors {
  /** Status of an address that is not there, and of the one that is asked for: the same answer means that it is not served. */
  has(method: string, path: string): Promise<boolean>
  /** Whether an upgrade is taken. @param path with its query */
  opens(path: string): Promise<boolean>
}

/** Starts a gateway with its defaults, and a simulator, and asks both below `/v1`. */
export async function openDoors(stage: Stage): Promise<{ gateway: Doors; simulator: Doors }> {
  const simulator = await startSimulator({ rate: 200, seed: 7 })
  stage.teardown(() => simulator.close())
  const gateway = await gatewayFor(stage)
  return { gateway: doorsAt(gateway.url), simulator: doorsAt(simulator.url) }
}

const headers = { authorization: 'Bearer sk-test', 'content-type': 'application/json' }

function doorsAt(base: string): Doors {
  const ask = async (method: string, path: string) => {
    const answer = await fetch(`${base}/v1${path}`, { method, headers, body: '{}' })
    return `${answer.status} ${(await answer.text()).replaceAll(path, 'PATH')}`
  }
  return {
    has: async (method, path) => {
      const concrete = path.replace(/\{\w+\}/g, 'rtc_0')
      return (
        (await ask(method, concrete)) !== (await ask(method, '/realtime/calls/rtc_0/nothing-of-this-name'))
      )
    },
    opens: async path => {
      const socket = new WebSocket(`${base.replace('http', 'ws')}/v1${path}`, { headers })
      const opened = await new Promise<boolean>(resolve => {
        socket.once('open', () => resolve(true))
        socket.once('error', () => resolve(false))
      })
      socket.on('error', () => undefined)
      socket.terminate()
      return opened
    },
  }
}
