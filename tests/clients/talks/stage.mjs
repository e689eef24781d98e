/** What the talks of every client share: where the gateway is, what is said, and how the outcome is told. */
import { judgeLifecycle } from './response-lifecycle.ts'

/** `https://HOST:PORT` of the gateway; its certificate is trusted by NODE_EXTRA_CA_CERTS. */
export const gateway = process.env.GATEWAY_URL

/** `wss://HOST:PORT` of the gateway. */
export const gatewaySocket = gateway.replace('http', 'ws')

/** A key that a gateway without GATEWAY_AUTH does not look at. */
export const apiKey = 'sk-anything'

/** A talk that takes longer has failed (ms). */
const talkDeadlineMs = Number(process.env.TALK_DEADLINE_MS)

/**
 * Runs talks one after another and prints a JSON line for each: `{"talk":"text","fault":null}`.
 *
 * @param talks name of a talk → what is done; it throws where the client does not hold
 */
export async function holdTalks(talks) {
  for (const [talk, hold] of Object.entries(talks)) {
    lastSeen = []
    const fault = await Promise.race([hold().then(() => null, describe), deadline()])
    console.log(JSON.stringify({ talk, fault }))
  }
  process.exit(0)
}

/** It keeps the process alive: a client that waits for nothing that can come would end it. */
function deadline() {
  return new Promise(resolve => {
    setTimeout(() => resolve(`no end within ${talkDeadlineMs} ms; ${seenLast()}`), talkDeadlineMs)
  })
}

let lastSeen = []

/** Notes an event's type, so that a talk that hangs can say where. */
export function note(type) {
  lastSeen = [...lastSeen, type].filter((each, index, all) => each !== all[index - 1]).slice(-6)
}

function seenLast() {
  return `seen last: ${lastSeen.join(', ') || 'nothing'}`
}

function describe(fault) {
  return fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
}

/** Throws unless something holds. @param what says what did not */
export function expect(holds, what) {
  if (!holds) throw new Error(`expected ${what}; ${seenLast()}`)
}

/** Keeps events until they are asked for. */
export function createInbox() {
  const held = []
  let wake = () => {}
  return {
    put(event) {
      note(event.type)
      held.push(event)
      wake()
    },
    /** The next event of a type; those before it are passed over. An `error` that was not asked for throws. */
    async next(type) {
      for (;;) {
        const event = held.shift()
        if (event?.type === type) return event
        if (event?.type === 'error') throw new Error(JSON.stringify(event.error ?? event))
        if (event === undefined)
          await new Promise(resolve => {
            wake = resolve
          })
      }
    },
  }
}

/** Waits until something holds, looking each time that `poke` is called. */
export function createWatch() {
  let wake = () => {}
  return {
    poke: () => wake(),
    async until(holds) {
      while (!holds())
        await new Promise(resolve => {
          wake = resolve
        })
    },
  }
}

const rate = 24_000

/** A second of what the simulator hears as speech, and a second of silence: PCM16, 24 kHz, mono. */
export function speech(toneMs = 1000, silenceMs = 1000) {
  const samples = new Int16Array(((toneMs + silenceMs) * rate) / 1000)
  for (let index = 0; index < (toneMs * rate) / 1000; index++)
    samples[index] = Math.round(8000 * Math.sin((2 * Math.PI * 220 * index) / rate))
  return samples
}

/** The same in base64. */
export function speechBase64(toneMs, silenceMs) {
  return Buffer.from(speech(toneMs, silenceMs).buffer).toString('base64')
}

/** Length of audio in base64 (ms). */
export function audioMs(base64) {
  return (Buffer.byteLength(base64, 'base64') / 2 / rate) * 1000
}

/** What a guest orders of the assistant `cafe`, whose tools run on the server, and what it answers. */
export const order = {
  asked: 'add two small flat white',
  answered: 'Your order: 2 small flat white. That is 1040 yen. Anything else?',
}

/** Throws unless responses begin and end in turn, and nothing is told of calls. @param events of a session, from its first on */
export function expectHiddenCalls(events) {
  const { faults, ended } = judgeLifecycle(events)
  expect(faults.length === 0, `a lifecycle of responses, not ${faults[0]}`)
  expect(ended > 0, 'responses')
  const call = events.find(event => /function_call|add_item/.test(JSON.stringify(event)))
  expect(call === undefined, `no call, not ${JSON.stringify(call)}`)
}

export const weatherParameters = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
}
