/** A conversation in writing. */
import type { Conversation } from './conversation.ts'
import { respond, textOnly, update, userText } from './events.ts'
import type { Stage } from './stage.ts'

/** Opens a session that answers in text. */
export async function talkInText(
  stage: Stage,
  fields: object = {},
): Promise<Conversation & { answer(text: string): Promise<string> }> {
  const client = await stage.dial()
  await client.next('session.created')
  client.send(update({ ...textOnly, ...fields }))
  await client.next('session.updated')
  const answer = async (text: string) => {
    client.send(userText(text), respond())
    const events = await client.until('rate_limits.updated')
    const done = events.find(event => event.type === 'response.done')
    return done?.response.output[0].content[0].text as string
  }
  return { ...client, answer }
}
