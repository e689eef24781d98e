/** A gateway before a simulator in which one fault strikes every session. */
import { startSimulator } from '../../runtime/simulator/server.ts'
import { converse, type Message, type Talk } from './converse.ts'
import { gatewayFor, type Stage, type TestGateway } from './start.ts'

/** @param fault as the simulator names it, `stall` or `429-x1` for example */
export async function faultyGateway(
  t: Stage,
  fault: string,
  env: Record<string, string> = {},
): Promise<TestGateway> {
  const simulator = await startSimulator({ seed: 5, rate: 100, faults: true })
  t.teardown(() => simulator.close())
  return gatewayFor(t, {
    OPENAI_API_KEY: 'sk-main',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    OPENAI_REALTIME_MODEL: `gpt-realtime--fault-${fault}`,
    REALTIME_ALLOWED_EVENT_TYPES: '*',
    REALTIME_AUTO_CLOSE: 'false',
    ...env,
  })
}

/** A client of `/realtime` or of an SDK address that asks for a long written answer. */
export async function asksAt(t: Stage, { socketUrl }: TestGateway, path: string): Promise<Talk> {
  const talk = await converse(t, `${socketUrl}${path}`)
  await talk.until('session.created')
  talk.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
  for (const event of userSays('count to 50')) talk.send(event)
  return talk
}

/** A turn of the user's, in the events of the API. */
export function userSays(text: string): readonly object[] {
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
  return [{ type: 'conversation.item.create', item }, { type: 'response.create' }]
}

/** A client of `/chat` that asks for a long answer. */
export async function asksChat(t: Stage, { socketUrl }: TestGateway, text = 'count to 50'): Promise<Talk> {
  const talk = await converse(t, `${socketUrl}/chat`)
  talk.send({ text })
  return talk
}

/** Everything that comes before the close frame. */
export async function untilClosed(talk: Talk): Promise<Message[]> {
  const seen: Message[] = []
  for (;;) {
    const message = await talk.next().catch(() => null)
    if (message === null) return seen
    seen.push(message)
  }
}

/** The words of an answer as they came, from the events of the API or of `/chat`. */
export function wordsOf(messages: Message[]): string {
  return messages
    .map(({ type, delta, value }) =>
      type === 'response.output_text.delta' ? delta : /^(text|transcript)-delta$/.test(type) ? value : '',
    )
    .join('')
}
