/** What the server wrote into the page about itself. */

import type { Provider } from '../../runtime/core/ports.ts'
import type { GatewayInfo } from '../../runtime/pages/page-info.ts'
import { say } from '../language/language.ts'

/** Nothing is certain of a page that no gateway served. */
export type PageInfo = Partial<GatewayInfo>

/** Reads `<meta name="gateway">`; empty where no gateway filled it (a page served by Vite). */
export function readGatewayInfo(page: Document): PageInfo {
  const content = page.querySelector<HTMLMetaElement>('meta[name="gateway"]')?.content ?? '{}'
  return JSON.parse(content) as PageInfo
}

/**
 * Asks for the page again, to see who serves it after a reconnect: another replica or revision, perhaps.
 * @returns undefined where nobody answers; what is shown stays then
 */
export async function fetchGatewayInfo(): Promise<PageInfo | undefined> {
  try {
    const response = await fetch(location.pathname, { cache: 'no-store' })
    if (!response.ok) return undefined
    return readGatewayInfo(new DOMParser().parseFromString(await response.text(), 'text/html'))
  } catch {
    return undefined
  }
}

/**
 * The address of a WebSocket endpoint.
 * @param path starts with a slash
 * @param host the origin (`wss://other.host`) that sockets go to; '' for the page's own
 */
export function socketUrl(path: string, host: string | undefined): URL {
  const url = new URL(path, host || location.href)
  if (url.protocol === 'http:') url.protocol = 'ws:'
  if (url.protocol === 'https:') url.protocol = 'wss:'
  return url
}

/** The provider's name for people. */
export function providerName(provider: Provider): string {
  return { azure: 'Azure OpenAI', openai: 'OpenAI', simulator: say('Simulator') }[provider]
}
