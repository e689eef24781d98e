/** An MCP server of the official SDK on loopback: one that speaks 2026-07-28, or one of before, with sessions. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import {
  createMcpHandler,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import type { ExecutionContext } from 'ava'
import { z } from 'zod'

export type Era = 'modern' | 'legacy'

export interface StockServer {
  readonly url: string
  /** Calls that its tools ran. */
  readonly ran: readonly string[]
  /** Headers and `_meta` of the last call. */
  readonly last: { headers: Headers | null; meta: unknown }
  /** Ends the process, so to speak: sockets are cut, sessions forgotten. */
  vanish(): Promise<void>
  /** Knows no session any more, as a server that was replaced behind its address. */
  forget(): void
  /** Comes back at the same address. */
  comeBack(): Promise<void>
  /** Has one tool more, and says so; says so again when it is there. */
  addTool(name: string): void
}

type Handle = (request: Request) => Promise<Response>

export async function stockServer(t: ExecutionContext, era: Era): Promise<StockServer> {
  const ran: string[] = []
  const last: StockServer['last'] = { headers: null, meta: undefined }
  const extra: string[] = []
  const mcpServers = new Set<McpServer>()
  let vanish: () => Promise<void> = async () => undefined
  const build = () => {
    const server = new McpServer(
      { name: 'stock', version: '1' },
      { capabilities: { tools: { listChanged: true } } },
    )
    const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })
    const sku = z.object({ sku: z.string(), shop: z.object({ floor: z.number() }).optional() })
    server.registerTool(
      'check_stock',
      { description: 'How many there are', inputSchema: sku, annotations: { readOnlyHint: true } },
      ({ sku }, { mcpReq }) => {
        ran.push(`check_stock ${sku}`)
        last.meta = mcpReq._meta
        return text(JSON.stringify({ sku, left: 7 }))
      },
    )
    server.registerTool(
      'reserve',
      { description: 'Keeps one back', inputSchema: sku, outputSchema: z.object({ kept: z.string() }) },
      ({ sku }) => {
        ran.push(`reserve ${sku}`)
        return { ...text('kept'), structuredContent: { kept: sku } }
      },
    )
    server.registerTool('restock', { inputSchema: z.object({}), annotations: { idempotentHint: true } }, () =>
      text('plain words'),
    )
    server.registerTool('slow', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
      await new Promise(resolve => mcpReq.signal.addEventListener('abort', resolve))
      ran.push('slow aborted')
      return text('late')
    })
    server.registerTool('fails', { inputSchema: z.object({}) }, () => ({
      ...text('The shelf is locked'),
      isError: true,
    }))
    server.registerTool('throws', { inputSchema: z.object({}) }, () => {
      throw new Error('no shelf')
    })
    server.registerTool('vanishes', { inputSchema: z.object({}) }, async () => {
      ran.push('vanishes')
      await vanish()
      return text('nobody hears')
    })
    server.registerTool('huge', { inputSchema: z.object({}) }, () => text('x'.repeat(70_000)))
    server.registerTool('endless', { inputSchema: z.object({}) }, () => text('x'.repeat(10_000_000)))
    server.registerTool('dotted.name', { inputSchema: z.object({}) }, () => text('x'))
    for (const name of extra) server.registerTool(name, { inputSchema: z.object({}) }, () => text(name))
    mcpServers.add(server)
    return server
  }

  const modern = createMcpHandler(build)
  let sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const legacy: Handle = async request => {
    const known = sessions.get(request.headers.get('mcp-session-id') ?? '')
    if (known !== undefined) return known.handleRequest(request)
    if (request.headers.has('mcp-session-id')) return new Response('Session not found', { status: 404 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void sessions.set(id, transport),
    })
    await build().connect(transport)
    return transport.handleRequest(request)
  }
  const handle: Handle = era === 'modern' ? request => modern.fetch(request) : legacy
  const listen = (port: number) =>
    new Promise<Server>(resolve => {
      const server = createServer((asked, answer) => void pass(asked, answer, handle, last))
      server.listen(port, '127.0.0.1', () => resolve(server))
    })
  let server = await listen(0)
  const { port } = server.address() as AddressInfo
  vanish = async () => {
    sessions = new Map()
    mcpServers.clear()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  t.teardown(async () => {
    await vanish()
    await modern.close()
  })
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    ran,
    last,
    vanish: () => vanish(),
    forget: () => {
      sessions = new Map()
    },
    comeBack: async () => {
      server = await listen(port)
    },
    addTool: name => {
      if (!extra.includes(name)) {
        extra.push(name)
        for (const server of mcpServers)
          server.registerTool(name, { inputSchema: z.object({}) }, () => ({ content: [] }))
      }
      if (era === 'modern') modern.notify.toolsChanged()
      else for (const server of mcpServers) server.sendToolListChanged()
    },
  }
}

/** Node's request to the web's, and the answer back. */
async function pass(
  asked: IncomingMessage,
  answer: ServerResponse,
  handle: Handle,
  last: StockServer['last'],
): Promise<void> {
  const gone = new AbortController()
  answer.on('close', () => gone.abort())
  answer.on('error', () => undefined)
  const headers = new Headers(Object.entries(asked.headers).map(([name, value]) => [name, String(value)]))
  const hasBody = asked.method === 'POST'
  if (hasBody) last.headers = headers
  const request = new Request(`http://${asked.headers.host}${asked.url}`, {
    method: asked.method ?? 'GET',
    headers,
    signal: gone.signal,
    ...(hasBody && { body: await text(asked) }),
  })
  const response = await handle(request)
  answer.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body === null) return void answer.end()
  Readable.fromWeb(response.body as import('node:stream/web').ReadableStream)
    .on('error', () => answer.destroy())
    .pipe(answer)
}
