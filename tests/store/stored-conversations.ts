/** The conversations that gateways keep in a Redis, as another replica would find them. */
import { createClient } from 'redis'

export interface StoredConversation {
  readonly items: readonly { readonly text: string }[]
  readonly owed: boolean
}

const pollMs = 20

/** Waits until what is in the store fits; for as long as it takes. */
export async function untilStored(
  url: string,
  fits: (conversations: readonly StoredConversation[]) => boolean,
): Promise<void> {
  const client = createClient({ url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    for (;;) {
      const keys = await client.keys('*:conversation:*')
      const texts = keys.length === 0 ? [] : await client.mGet(keys)
      if (fits(texts.filter(text => text !== null).map(text => JSON.parse(text)))) return
      await new Promise(resolve => setTimeout(resolve, pollMs))
    }
  } finally {
    client.destroy()
  }
}
