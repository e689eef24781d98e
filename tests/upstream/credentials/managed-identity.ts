/**
 * A local endpoint that speaks the managed-identity protocol of App Service and Container Apps
 * (IDENTITY_ENDPOINT and IDENTITY_HEADER, api-version 2019-08-01). The library remembers the first
 * endpoint of a process, so a test file has one, and tests tell themselves apart by client id.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import test from 'ava'

export interface Asked {
  readonly resource: string | null
  readonly clientId: string
  readonly header: string | undefined
}

export interface Identity {
  readonly clientId: string
  readonly asked: Asked[]
  /** What the endpoint does from now on. */
  answer: (asked: number) => { status: number; body: string } | 'hang' | 'cut'
}

const identityHeader = 'the-identity-header-MARKED-SECRET'

/** Starts the endpoint and points the process at it; ends with the test file. @returns makes an identity of its own */
export async function startManagedIdentity(): Promise<() => Identity> {
  const identities = new Map<string, Identity>()
  const server = createServer((request, response) => {
    const asked = readAsked(request)
    const identity = identities.get(asked.clientId)
    identity?.asked.push(asked)
    const answer = identity?.answer(identity.asked.length) ?? { status: 404, body: '{}' }
    if (answer === 'hang') return
    if (answer === 'cut') return void request.socket.destroy()
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  process.env.IDENTITY_ENDPOINT = `http://127.0.0.1:${port}/msi/token`
  process.env.IDENTITY_HEADER = identityHeader
  test.after.always(() => {
    server.closeAllConnections()
    server.close()
  })
  return () => {
    const identity: Identity = { clientId: randomUUID(), asked: [], answer: () => 'cut' }
    identities.set(identity.clientId, identity)
    return identity
  }
}

/** A token as the endpoint gives it. @param expiresOn Unix time (ms) */
export function tokenBody(token: string, expiresOn: number): { status: number; body: string } {
  const body = {
    access_token: token,
    expires_on: String(Math.floor(expiresOn / 1000)),
    resource: 'https://cognitiveservices.azure.com',
    token_type: 'Bearer',
  }
  return { status: 200, body: JSON.stringify(body) }
}

function readAsked(request: IncomingMessage): Asked {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams
  const header = request.headers['x-identity-header']
  return {
    resource: query.get('resource'),
    clientId: query.get('client_id') ?? '',
    header: header === identityHeader ? 'right' : String(header),
  }
}
