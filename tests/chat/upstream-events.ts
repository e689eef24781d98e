/** What a scripted upstream gets of a conversation. */
import { converse, type Message } from '../gateway/converse.ts'
import {
  type FakeSession,
  type FakeUpstreamOptions,
  fakeUpstream,
  gatewayFor,
  type Stage,
} from '../gateway/start.ts'

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

/**
 * A conversation on `/chat` whose upstream has been asked for the first answer.
 * @param before what the client says ahead of its first text
 */
export async function firstAsked(t: Stage, options: FakeUpstreamOptions = {}, before: object[] = []) {
  const upstream = await fakeUpstream(t, options)
  const gateway = await gatewayFor(t, upstream.env)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  for (const message of [...before, { text: 'first' }]) talk.send(message)
  const session = await upstream.session()
  await firstTurn(session)
  return { upstream, gateway, talk, session }
}
