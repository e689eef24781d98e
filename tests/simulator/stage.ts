/** Starts simulators for one test file, and holds every event that they send against its schema. */
import type { TestFn } from 'ava'
import type { z } from 'zod'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../runtime/simulator/server.ts'
import { type ConnectOptions, type Conversation, connect, type Received } from './conversation.ts'
import { gaEvents } from './ga-events.ts'
import { previewEvents } from './preview-events.ts'

export const fast: SimulatorOptions = { rate: 200, seed: 7 }

export const doors = {
  openai: '/v1/realtime?model=gpt-realtime',
  azure: '/openai/v1/realtime?model=my-deployment',
  preview: '/openai/realtime?api-version=2025-04-01-preview&deployment=my-deployment',
} as const

export interface Stage {
  /** Starts a simulator that is closed when the file ends. */
  simulator(options?: SimulatorOptions): Promise<Simulator>
  /** A conversation with the file's own simulator. What it says must fit the schemas. */
  dial(path?: string, options?: ConnectOptions): Promise<Conversation>
}

/** Makes a stage of one test file. @param own options of the file's own simulator */
export function createStage(test: TestFn, own: SimulatorOptions = fast): Stage {
  const running: Simulator[] = []
  const heard: { preview: boolean; seen: readonly Received[] }[] = []
  let shared: Promise<Simulator> | null = null
  const simulator = async (options: SimulatorOptions = own) => {
    const started = await startSimulator(options)
    running.push(started)
    return started
  }
  test.after(() => {
    for (const { preview, seen } of heard) for (const event of seen) expectShape(event, preview)
  })
  test.after.always(() => Promise.all(running.map(started => started.close())))
  return {
    simulator,
    dial: async (path = doors.openai, options = {}) => {
      shared ??= simulator()
      const conversation = await connect((await shared).url + path, options)
      heard.push({ preview: path.includes('api-version'), seen: conversation.seen })
      return conversation
    },
  }
}

/**
 * Holds a server event against its schema.
 *
 * @throws Error that says what is odd about it
 */
export function expectShape(event: Received, preview = false): void {
  const schemas: Record<string, z.ZodType> = preview ? previewEvents : gaEvents
  const schema = schemas[event.type]
  if (schema === undefined) throw new Error(`no such event: ${event.type}`)
  const { error } = schema.safeParse(event)
  if (error === undefined) return
  throw new Error(`${error.message} in ${JSON.stringify(event).slice(0, 1000)}`)
}
