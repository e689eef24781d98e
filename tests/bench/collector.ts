/** The collector of the bench, a process of its own: takes spans by OTLP over HTTP, and looks at none. */
import { createServer } from 'node:http'
import { answerCommands } from './command.ts'

let requests = 0
const server = createServer((request, response) => {
  requests += 1
  request.resume()
  request.once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as { port: number }

answerCommands({ port: async () => port, requests: async () => requests })
