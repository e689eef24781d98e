/**
 * A place to cork from while a request is upgraded late, after something had to be awaited.
 *
 * uWebSockets.js wants such an upgrade corked. But when a cork ends, 20.51 looks at its response once
 * more, and where that has become a WebSocket meanwhile it reads another structure's memory and closes
 * about every second socket. So the cork is that of a response that stays one: a request which this
 * process makes to itself, on a loopback port of its own, and never answers.
 */
import { connect, type Socket } from 'node:net'

interface Response {
  cork(run: () => void): unknown
  onAborted(aborted: () => void): unknown
}

/** The part of uWebSockets.js's app that is used here. */
export interface UpgradeCorkApp<ListenSocket> {
  get(path: string, handler: (response: Response) => void): unknown
  listen(host: string, port: number, listened: (socket: ListenSocket | false) => void): unknown
  close(): unknown
}

export interface UpgradeCork {
  /** Runs within a cork. */
  cork(run: () => void): void
  /** Safe to call twice. */
  close(): void
}

const loopback = '127.0.0.1'
const path = '/'

/** @throws Error when no loopback port can be had */
export async function startUpgradeCork<ListenSocket>(
  app: UpgradeCorkApp<ListenSocket>,
  portOf: (socket: ListenSocket) => number,
): Promise<UpgradeCork> {
  const parked = new Promise<Response>(resolve => {
    app.get(path, response => {
      response.onAborted(() => undefined)
      resolve(response)
    })
  })
  const port = await new Promise<number>((resolve, reject) => {
    const listened = (socket: ListenSocket | false) =>
      socket === false ? reject(new Error('No loopback port can be listened on')) : resolve(portOf(socket))
    app.listen(loopback, 0, listened)
  })
  const socket: Socket = connect(port, loopback, () =>
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${loopback}\r\n\r\n`),
  )
  // Its end is the process's end, or this cork's.
  socket.on('error', () => undefined).unref()
  const response = await parked
  return {
    cork: run => response.cork(run),
    close: () => {
      socket.destroy()
      app.close()
    },
  }
}
