/**
 * Somebody else at the same gateway, as a process of its own: a `/chat` socket with a heartbeat, and `/healthz` over
 * connections that are kept. Both are asked at a steady pace, and none waits for the one before it.
 */
import { Agent, get } from 'node:http'
import { setTimeout as rest } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { answerCommands } from '../bench/command.ts'

export interface Watched {
  /** Heartbeats that were sent, and answered. */
  readonly sent: number
  readonly answered: number
  /** Time of each answer of either kind (ms). */
  readonly times: readonly number[]
}

/** Between questions of each kind (ms). */
const askedEachMs = 20
/** For what is still on its way when the watch ends (ms). */
const lastAnswerMs = 20_000

let url = ''
let socket: WebSocket | null = null
let waiting: Watch | null = null
/** Of the answer that is being read. */
let answer: { words: string; done: (words: string) => void } | null = null
let closed: string | null = null

interface Watch {
  isOver: boolean
  readonly due: number[]
  readonly times: number[]
  sent: number
  ended: Promise<unknown> | null
}

async function arrive(at: string): Promise<void> {
  url = at
  socket = new WebSocket(`${at.replace('http', 'ws')}/chat`)
  socket.on('message', (data: Buffer) => take(JSON.parse(data.toString())))
  socket.on('close', (code, reason) => {
    closed = `${code} ${reason}`.trim()
  })
  await new Promise<void>((resolve, reject) => {
    socket?.once('open', resolve)
    socket?.once('error', reject)
  })
}

function take(message: { type: string; value?: string; message?: string }): void {
  if (message.type === 'heartbeat-ack') {
    const due = waiting?.due.shift()
    if (due !== undefined) waiting?.times.push(performance.now() - due)
  }
  if (answer === null) return
  if (message.type === 'transcript-delta' || message.type === 'text-delta') answer.words += message.value
  if (message.type === 'status' && message.message === 'Model ready') answer.done(answer.words)
}

/** Says something, and reads the answer to its end. @returns the words of the answer */
function say(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    if (closed !== null) reject(new Error(`the bystander was closed: ${closed}`))
    answer = { words: '', done: resolve }
    socket?.send(JSON.stringify({ text }))
  })
}

async function watch(): Promise<void> {
  waiting = { isOver: false, due: [], times: [], sent: 0, ended: null }
  waiting.ended = Promise.all([beat(waiting), knock(waiting)])
}

/** Sends heartbeats at their times, whether the last was answered or not. */
async function beat(own: Watch): Promise<void> {
  for (let due = performance.now(); !own.isOver; due += askedEachMs) {
    await rest(Math.max(0, due - performance.now()))
    own.due.push(due)
    own.sent += 1
    socket?.send('{"type":"heartbeat"}')
  }
}

/** Asks for `/healthz` at its times, whether the last was answered or not: a queue of our own would be measured too. */
async function knock(own: Watch): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: mostRequests })
  const asked: Promise<void>[] = []
  for (let due = performance.now(); !own.isOver; due += askedEachMs) {
    await rest(Math.max(0, due - performance.now()))
    asked.push(knockOnce(agent).then(() => void own.times.push(performance.now() - due)))
  }
  await Promise.all(asked)
  agent.destroy()
}

/** At once, each on a connection of its own that is kept. */
const mostRequests = 100

function knockOnce(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}/healthz`, { agent }, response => response.resume().once('end', resolve)).once('error', reject)
  })
}

/** Ends the watch. @returns when what was under way is answered, or will not be */
async function stop(): Promise<Watched> {
  const own = waiting
  if (own === null) throw new Error('nobody watches')
  own.isOver = true
  await own.ended
  const deadline = performance.now() + lastAnswerMs
  while (own.due.length > 0 && closed === null && performance.now() < deadline) await rest(askedEachMs)
  return { sent: own.sent, answered: own.sent - own.due.length, times: own.times }
}

answerCommands({ arrive, say, watch, stop })
