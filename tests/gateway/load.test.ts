import { setTimeout as rest } from 'node:timers/promises'
import test from 'ava'
import { ask, converse } from './converse.ts'
import { gatewayProcess } from './process.ts'

const sessions = 200
const turns = 3
const rounds = 10

/** V8 lets garbage pile up as long as it may: with a small heap, what is left is what is held. */
const smallHeap = '--max-old-space-size=48'

/**
 * The simulator speaks in the same process. With a fifth of a core, which is what a busy machine leaves it, two
 * hundred dials take longer than the ten seconds that each may: the default would decide what this test says.
 */
const patience = { UPSTREAM_CONNECT_TIMEOUT_MS: '120000' }

/** Memory settles within the first rounds; after them it may vary by this much, and not grow. */
const settledRounds = 4
const allowedGrowthBytes = 48 * 1024 * 1024

/** No step of any session takes this long, even where a dial takes all of its time; one that does says which it is (ms). */
const longestStepMs = 240_000

/** What clients were told instead of an answer. */
const errors: string[] = []

async function inTime<T>(step: string, done: Promise<T>): Promise<T> {
  const late = new AbortController()
  const tooLate = rest(longestStepMs, null, late).then(() => {
    throw new Error(
      `${step} is not done after ${longestStepMs} ms; errors so far: ${errors.join('; ') || 'none'}`,
    )
  })
  try {
    return await Promise.race([done, tooLate])
  } finally {
    late.abort()
  }
}

async function gaugeOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])
}

test(`${sessions} sessions of ${turns} turns at once, ${rounds} rounds: none lost, none mixed up, memory flat`, async t => {
  t.timeout(480_000)
  const gateway = await gatewayProcess(t, { SIMULATOR_RATE: '1000', ...patience }, [], [smallHeap])
  const memory: number[] = []
  let answered = 0
  for (let round = 0; round < rounds; round += 1) {
    const all = Array.from({ length: sessions }, async (_, session) => {
      const step = `round ${round}, session ${session}: `
      const talk = await inTime(`${step}opening`, converse(t, `${gateway.socketUrl}/chat`))
      talk.socket.on('message', data => {
        const message = data.toString()
        if (message.startsWith('{"type":"error"')) errors.push(`${step}${message}`)
      })
      for (let turn = 0; turn < turns; turn += 1) {
        const words = `this is ${round} ${session} ${turn}`
        const { transcript, bytes } = await inTime(`${step}turn ${turn}`, ask(talk, words))
        if (transcript !== `You said: ${words}`) t.fail(`asked "${words}", answered "${transcript}"`)
        if (bytes === 0) t.fail(`no audio for "${words}"`)
        answered += 1
      }
      talk.socket.close()
      await inTime(`${step}closing`, talk.closed)
    })
    await Promise.all(all)
    memory.push(await gaugeOf(gateway.url, 'process_resident_memory_bytes'))
  }
  t.is(answered, rounds * sessions * turns)
  t.is(await gaugeOf(gateway.url, 'gateway_sessions'), 0)
  const settled = Math.max(...memory.slice(0, settledRounds))
  const last = memory.at(-1) ?? Number.POSITIVE_INFINITY
  const megabytes = memory.map(bytes => Math.round(bytes / 1024 / 1024))
  t.log(`resident memory by round (MiB): ${megabytes.join(' ')}`)
  t.true(last < settled + allowedGrowthBytes, `memory grows: ${megabytes.join(' ')} MiB`)
})
