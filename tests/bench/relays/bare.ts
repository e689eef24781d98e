/** The barest relay: uWebSockets.js in, `ws` out, every frame as it came. No limits, no log, no heartbeat. */
import uWS from 'uWebSockets.js'
import { WebSocket } from 'ws'

interface Pair {
  path: string
  upstream: WebSocket | null
  isOpen: boolean
}

const origin = process.argv[2] ?? ''
/** 0 takes any free one. */
const port = Number(process.argv[3] ?? 0)
/** Files (PEM) with which it serves clients by TLS; without them it serves them without. */
const [certFile, keyFile] = process.argv.slice(4)

const server =
  certFile === undefined || keyFile === undefined
    ? uWS.App()
    : uWS.SSLApp({ cert_file_name: certFile, key_file_name: keyFile })
const app = server.ws<Pair>('/*', {
  compression: uWS.DISABLED,
  maxPayloadLength: 16 * 1024 * 1024,
  maxBackpressure: 0,
  idleTimeout: 0,
  upgrade: (response, request, context) => {
    const path = `${request.getUrl()}?${request.getQuery()}`
    response.upgrade<Pair>(
      { path, upstream: null, isOpen: true },
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      request.getHeader('sec-websocket-extensions'),
      context,
    )
  },
  open: socket => {
    const pair = socket.getUserData()
    const upstream = new WebSocket(`${origin}${pair.path}`, { perMessageDeflate: false })
    pair.upstream = upstream
    upstream.on('message', (data: Buffer, isBinary) => {
      if (pair.isOpen) socket.send(data, isBinary)
    })
    upstream.on('close', () => pair.isOpen && socket.end(1000))
    upstream.on('error', () => undefined)
  },
  message: (socket, data, isBinary) => {
    socket.getUserData().upstream?.send(Buffer.from(data), { binary: isBinary })
  },
  close: socket => {
    const pair = socket.getUserData()
    pair.isOpen = false
    pair.upstream?.close()
  },
})
app.listen('127.0.0.1', port, listening => {
  if (listening) process.stdout.write(`${uWS.us_socket_local_port(listening)}\n`)
})

// An interrupt ends it in good order: profilers write what they have.
process.on('SIGINT', () => process.exit(0))
