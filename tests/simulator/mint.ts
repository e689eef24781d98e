/** Ephemeral keys for tests. */

/** Mints a key at Azure's door, with session defaults. */
export async function mintAzureKey(base: string, session: object = {}): Promise<string> {
  const reply = await fetch(`${base}/openai/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { 'api-key': 'standing', 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime', ...session } }),
  })
  const { value } = (await reply.json()) as { value: string }
  return value
}
