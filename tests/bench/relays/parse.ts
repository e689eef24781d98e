/** The usual relay: `ws` on both sides, every event parsed to learn its type, and sent on as it came. */
import { type RawData, WebSocket, WebSocketServer } from 'ws'

const origin = process.argv[2] ?? ''
const counts = new Map<string, number>()

function relay(from: WebSocket, to: WebSocket): void {
  from.on('message', (data: RawData, isBinary) => {
    const { type } = JSON.parse(data.toString()) as { type: string }
    counts.set(type, (counts.get(type) ?? 0) + 1)
    to.send(data, { binary: isBinary })
  })
  from.on('close', () => to.close())
  from.on('error', () => undefined)
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (client, request) => {
  const upstream = new WebSocket(`${origin}${request.url}`, { perMessageDeflate: false })
  relay(upstream, client)
  relay(client, upstream)
})
server.on('listening', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`))

// An interrupt ends it in good order: profilers write what they have.
process.on('SIGINT', () => process.exit(0))
