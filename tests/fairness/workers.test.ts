/**
 * Empty fragments reach no JavaScript, so the process that reads them cannot defend itself. With several, the
 * supervisor replaces the one that is silent, and whoever was there goes on by a ticket.
 */
import { setTimeout as rest } from 'node:timers/promises'
import test from 'ava'
import { ask, converse, type Talk } from '../gateway/converse.ts'
import type { Stage } from '../gateway/start.ts'
import { within } from '../gateway/within.ts'
import { severalWorkers } from '../workers/several.ts'
import { emptyFragments } from './kinds.ts'
import { startFlooder, startSimulatorChild } from './stage.ts'

const bystanders = 6
/** A worker that does not answer is replaced long before; a flood that no worker notices ends by itself (ms). */
const mostFloodMs = 20_000
/** Whoever waits for longer waits for a worker that is silent, and must have been replaced (ms). */
const longWaitMs = 5000
/** A process that starts on a machine that is busy, and a second worker that the flooder finds next (ms). */
const answerMs = 30_000
const betweenMs = 100

test('no bystander is lost to empty fragments where there are two workers', async t => {
  const gateway = await severalWorkers(t, 2, await startSimulatorChild(t))
  const flooder = await startFlooder(t)
  const all = await Promise.all(
    Array.from({ length: bystanders }, (_, index) =>
      Bystander.arrive(t, gateway.socketUrl, `number ${index}`),
    ),
  )
  let isOver = false
  const flooded = flooder
    .flood({
      port: Number(new URL(gateway.url).port),
      kind: emptyFragments.name,
      reads: true,
      leastMs: mostFloodMs,
      mostMs: mostFloodMs,
    })
    .finally(() => {
      isOver = true
    })
  const replaced = () => gateway.lines.filter(({ event }) => event === 'worker.silent').length
  void gateway.logged('worker.silent').then(
    () => flooder.tell('isOver'),
    () => undefined,
  )
  await Promise.all(all.map(bystander => bystander.goOn(() => isOver)))
  const { connections, ends, bytes } = await flooded
  const moved = all.reduce((sum, { resumed }) => sum + resumed, 0)
  const slowestMs = Math.max(...all.map(bystander => bystander.slowestMs))
  t.log({ connections, ends, bytes, replaced: replaced(), moved, slowestMs })
  t.true(
    replaced() > 0 || slowestMs < longWaitMs,
    `a bystander waited ${slowestMs} ms, and no worker was replaced`,
  )
  for (const bystander of all) t.true(await bystander.remembers(), bystander.name)
  t.is(gateway.child.exitCode, null)
})

/** Somebody on `/chat?resume=`, who comes back with the last ticket whenever the socket is lost. */
class Bystander {
  readonly name: string
  resumed = 0
  slowestMs = 0
  readonly #stage: Stage
  readonly #url: string
  #talk: Talk
  #ticket: string

  constructor(stage: Stage, url: string, name: string, talk: Talk, ticket: string) {
    this.#stage = stage
    this.#url = url
    this.name = name
    this.#talk = talk
    this.#ticket = ticket
  }

  static async arrive(stage: Stage, url: string, name: string): Promise<Bystander> {
    const talk = await converse(stage, `${url}/chat?resume=`)
    const ticket = await ticketOf(talk)
    await ask(talk, `my name is ${name}`)
    return new Bystander(stage, url, name, talk, ticket)
  }

  /** Sends heartbeats, each answered in time by some worker. */
  async goOn(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const startedAt = performance.now()
      await within(this.#beat(), answerMs, `${this.name} is not answered`)
      this.slowestMs = Math.max(this.slowestMs, Math.round(performance.now() - startedAt))
      await rest(betweenMs)
    }
  }

  async remembers(): Promise<boolean> {
    const said = async () => (await ask(this.#talk, 'what did I say')).transcript
    const transcript = await within(
      said().catch(async () => {
        await this.#comeBack()
        return said()
      }),
      answerMs,
      `${this.name} has no answer`,
    )
    return transcript.includes(`"my name is ${this.name}"`)
  }

  async #beat(): Promise<void> {
    for (;;) {
      try {
        this.#talk.send({ type: 'heartbeat' })
        await this.#talk.until('heartbeat-ack')
        return
      } catch {
        await this.#comeBack()
      }
    }
  }

  /** Dials until some worker takes the ticket. @throws Error when the conversation is not known any more */
  async #comeBack(): Promise<void> {
    for (;;) {
      const talk = await converse(this.#stage, `${this.#url}/chat?resume=${this.#ticket}`).catch(() => null)
      if (talk === null) {
        await rest(betweenMs)
        continue
      }
      const first = await talk.next().catch(() => null)
      if (first === null) continue
      if (first.type !== 'session.resumed') throw new Error(`${this.name} is lost: ${JSON.stringify(first)}`)
      this.resumed += 1
      this.#talk = talk
      this.#ticket = await ticketOf(talk)
      return
    }
  }
}

async function ticketOf(talk: Talk): Promise<string> {
  return String((await talk.until('session.ticket')).at(-1)?.resume)
}
