/** The conversations that gateways keep in a Redis, as another replica would find them. */
import { createClient } from 'redis'
import { patienceMs, within } from '../gateway/within.ts'

export interface StoredConversation {
  readonly items: readonly { readonly text: string }[]
  readonly answers: number
  readonly owed: boolean
}

const pollMs = 20

/**
 * Waits until what is in the store fits.
 * @param ms how long it may take (default 30 s)
 * @throws Error when it takes longer; it tells what was in the store then
 */
export async function untilStored(
  url: string,
  fits: (conversations: readonly StoredConversation[]) => boolean,
  ms: number = patienceMs,
): Promise<void> {
  const client = createClient({ url })
  client.on('error', () => undefined)
  await within(client.connect(), ms, `no Redis is at ${url}`)
  const end = performance.now() + ms
  try {
    for (;;) {
      const keys = await client.keys('*:conversation:*')
      const texts = keys.length === 0 ? [] : await client.mGet(keys)
      if (fits(texts.filter(text => text !== null).map(text => JSON.parse(text)))) return
      if (performance.now() > end)
        throw new Error(`no such conversation is stored within ${ms} ms, but ${texts}`)
      await new Promise(resolve => setTimeout(resolve, pollMs))
    }
  } finally {
    client.destroy()
  }
}
