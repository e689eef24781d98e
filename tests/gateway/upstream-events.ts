/** What a scripted upstream gets of a conversation. */
import type { Message } from './converse.ts'
import type { FakeSession } from './start.ts'

export async function nextEvent(session: FakeSession): Promise<Message> {
  return JSON.parse((await session.next()).text)
}

/** The next events of the gateway, in order. */
export async function nextEvents(session: FakeSession, count: number): Promise<Message[]> {
  const events: Message[] = []
  while (events.length < count) events.push(await nextEvent(session))
  return events
}

/** Reads what the gateway sends before and with a message: settings, item, request. */
export async function firstTurn(session: FakeSession) {
  const [update, item, create] = [
    await nextEvent(session),
    await nextEvent(session),
    await nextEvent(session),
  ]
  return { update, item, create }
}
