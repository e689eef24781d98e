/** What the agents SDK says and hears over WebSocket: the same conversations at the simulator and through the gateway. */
import {
  OpenAIRealtimeWebSocket,
  RealtimeAgent,
  type RealtimeItem,
  RealtimeSession,
  tool,
} from '@openai/agents-realtime'
import type { TestFn } from 'ava'
import { z } from 'zod'
import { until } from '../gateway/within.ts'
import { silence, tone } from './events.ts'

interface Talk {
  session: RealtimeSession
  asked: string[]
  errors: unknown[]
  /** Waits until the history fulfils a wish. */
  history(wish: (items: RealtimeItem[]) => boolean): Promise<void>
  event(type: string): Promise<void>
}

function helper(asked: string[]): RealtimeAgent {
  const weather = tool({
    name: 'get_weather',
    description: 'Tells the weather',
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city)
      return `sunny in ${city}`
    },
  })
  return new RealtimeAgent({ name: 'helper', instructions: 'Be brief.', tools: [weather] })
}

/** A session of the agents SDK over WebSocket, with its defaults. @param base `http://HOST:PORT` */
async function talk(base: string, path: string): Promise<Talk> {
  const asked: string[] = []
  const agent = helper(asked)
  const transport = new OpenAIRealtimeWebSocket({ url: base.replace('http', 'ws') + path })
  const session = new RealtimeSession(agent, { transport, tracingDisabled: true })
  const errors: unknown[] = []
  session.on('error', ({ error }) => errors.push(error))
  const seen = new Map<string, number>()
  session.on('transport_event', ({ type }) => {
    seen.set(type, (seen.get(type) ?? 0) + 1)
  })
  await session.connect({ apiKey: 'sk-1' })
  return {
    session,
    asked,
    errors,
    history: wish => until(() => wish(session.history), 'the history does not become what it should'),
    event: async type => {
      await until(() => (seen.get(type) ?? 0) > 0, `no ${type} comes`)
      seen.set(type, 0)
    },
  }
}

function said(items: RealtimeItem[], words: string): boolean {
  return items.some(
    item =>
      item.type === 'message' &&
      item.role === 'assistant' &&
      item.status === 'completed' &&
      item.content.some(part =>
        ('transcript' in part ? part.transcript : 'text' in part ? part.text : '')?.includes(words),
      ),
  )
}

function heardUser(items: RealtimeItem[]): boolean {
  return items.some(
    item =>
      item.type === 'message' &&
      item.role === 'user' &&
      item.content.some(part => 'transcript' in part && part.transcript !== null),
  )
}

/**
 * Declares the conversations.
 *
 * @param where ends the titles
 * @param paths to talk at, each with its model; the first also for voice, interruption and errors
 */
export function talkAsAgents(
  test: TestFn,
  where: string,
  base: () => Promise<string>,
  paths: readonly [string, ...string[]],
): void {
  for (const path of paths) {
    test(`the agents SDK talks, calls its tool and answers with its output ${where}: ${path}`, async t => {
      const { session, asked, history, errors } = await talk(await base(), path)
      session.sendMessage('hello there')
      await history(items => said(items, 'You said: hello there'))
      session.sendMessage('what is the weather in Bergen')
      await history(items => said(items, 'sunny in Bergen'))
      t.deepEqual(asked, ['Bergen'])
      t.deepEqual(errors, [])
      session.close()
    })
  }

  test(`the agents SDK hears, is heard, and interrupts ${where}`, async t => {
    const { session, history, event, errors } = await talk(await base(), paths[0])
    const heard: ArrayBuffer[] = []
    session.on('audio', ({ data }) => heard.push(data))
    const say = (audio: Buffer) => session.sendAudio(new Uint8Array(audio).buffer as ArrayBuffer)
    say(Buffer.concat([tone(800), silence(2000)]))
    await history(items => said(items, 'I heard you speak'))
    t.true(heard.length > 3)
    await history(heardUser)
    session.sendMessage('count to 800')
    await event('response.output_audio.delta')
    await event('response.output_audio.delta')
    session.interrupt()
    await event('conversation.item.truncated')
    session.sendMessage('are you there')
    await history(items => said(items, 'You said: are you there'))
    t.deepEqual(errors, [])
    session.close()
  })

  test(`the agents SDK reports what the server refuses ${where}`, async t => {
    const { session, errors, event } = await talk(await base(), paths[0])
    session.transport.sendEvent({ type: 'response.cancel' })
    await event('error')
    t.is(errors.length, 1)
    session.close()
  })
}
