/** The places in which a client may show its credential. Nothing is looked for anywhere else. */

export interface SentCredential {
  readonly source: 'authorization' | 'api-key' | 'subprotocol' | 'ticket'
  readonly value: string
}

/** What official SDKs put before a key where a browser leaves them nothing but subprotocols. */
const keySubprotocol = 'openai-insecure-api-key.'

/** A longer credential than any that is issued (characters); it is not even hashed. */
const maxCredentialChars = 16 * 1024

export interface CredentialSources {
  readonly headers: ReadonlyMap<string, string>
  readonly subprotocols?: readonly string[]
}

/**
 * Finds the credential of a request: `Authorization: Bearer`, else `api-key`, else the SDK's subprotocol.
 * The first source that is filled in decides; a wrong credential there is not made good by a right one
 * elsewhere. A key or token in the query is no credential: addresses end up in logs.
 */
export function findCredential({ headers, subprotocols = [] }: CredentialSources): SentCredential | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (bearer !== undefined) return bounded('authorization', bearer)
  const key = headers.get('api-key')
  if (key !== undefined && key !== '') return bounded('api-key', key)
  const subprotocol = subprotocols.find(name => name.startsWith(keySubprotocol))
  if (subprotocol !== undefined) return bounded('subprotocol', subprotocol.slice(keySubprotocol.length))
  return null
}

/** Finds the ticket of an upgrade, `?ticket=`. A ticket opens one WebSocket, so only upgrades may be asked for theirs. */
export function findTicket(query: URLSearchParams): SentCredential | null {
  const ticket = query.get('ticket')
  return ticket === null ? null : bounded('ticket', ticket)
}

function bounded(source: SentCredential['source'], value: string): SentCredential {
  return { source, value: value.length > maxCredentialChars ? '' : value }
}
