/** What a rehearsal plays on: Redis, the simulator, two gateways as processes, a proxy before them. */
import { fileURLToPath } from 'node:url'
import { createSpeechSynthesizer } from '../../runtime/simulator/voice/speaker.ts'
import { type Child, lineOf, startChild } from '../gateway/child.ts'
import { freePort } from '../gateway/free-port.ts'
import { redisServer } from '../store/redis-server.ts'
import { type StoredConversation, untilStored } from '../store/stored-conversations.ts'
import { type BadNetwork, startBadNetwork } from './network.ts'
import { type Options, toolReserveSec } from './options.ts'
import { type Ingress, startProxy } from './proxy.ts'
import { Revision } from './revision.ts'
import type { Voice } from './script.ts'
import { ToolRuns } from './tool-runs.ts'

export interface Stage {
  readonly blue: Revision
  readonly green: Revision
  readonly proxy: Ingress
  readonly url: string
  /** null where clients dial the proxy itself. */
  readonly network: BadNetwork | null
  readonly voice: Voice
  /** null without tools that run on the server. */
  readonly runs: ToolRuns | null
  /** The next dials upstream take a while. @param count how many; 0 puts an end to it */
  slowDials(count: number): Promise<void>
  /** Waits until the store has what it should. */
  stored(fits: (conversations: readonly StoredConversation[]) => boolean): Promise<void>
}

/** Audio pace, times faster than real time: a long answer takes about six seconds. */
const rate = 8
const voiceSeed = 7
/** Others begin their part meanwhile, and a long answer takes longer anyway. */
export const slowDialSec = 4
const spokenVoice = 'alloy'
const bytesPerSample = 2

type StageOptions = Pick<Options, 'grace' | 'pingInterval' | 'plant' | 'mode' | 'network' | 'seed' | 'tools'>

/** @param ends takes what must be ended afterwards, in order */
export async function setStage(
  { grace, pingInterval, plant, mode, network: quality, seed, tools }: StageOptions,
  ends: (() => unknown)[],
): Promise<Stage> {
  const redis = await redisServer({ teardown: end => void ends.push(end) })
  const simulator = await startSimulator()
  ends.push(() => simulator.child.kill('SIGKILL'))
  const env = {
    REDIS_URL: redis.url,
    OPENAI_API_KEY: 'sk-rehearsal',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    REALTIME_ALLOWED_EVENT_TYPES: '*',
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_VOICE: spokenVoice,
    ...(tools && environmentOfTools(redis.url, grace)),
  }
  const common = { graceSec: grace, pingIntervalSec: pingInterval, env, plant }
  const [old, young] = mode === 'scale-in' ? ['app', 'app'] : ['blue', 'green']
  const blue = await Revision.start({ ...common, name: old, replica: 'blue-1' })
  ends.push(() => blue.stop())
  const green = await Revision.start({ ...common, name: young, replica: 'green-1' })
  ends.push(() => green.stop())
  const proxy = await startIngress({ blue: blue.port, green: green.port })
  ends.push(() => proxy.stop())
  const runs = tools ? await ToolRuns.connect(redis.url) : null
  ends.push(() => runs?.close())
  const network = quality === 'bad' ? await startBadNetwork(proxy.port, seed) : null
  ends.push(() => network?.stop())
  return {
    blue,
    green,
    proxy,
    url: network?.url ?? `ws://127.0.0.1:${proxy.port}`,
    network,
    voice: voiceOf(),
    runs,
    stored: fits => untilStored(redis.url, fits),
    slowDials: async count => {
      const address = `${simulator.url}/simulator/fault`
      if (count === 0) return void (await fetch(address, { method: 'DELETE' }))
      const body = JSON.stringify({ fault: `slow-${slowDialSec}`, times: count, path: '/v1/realtime' })
      await fetch(address, { method: 'POST', body })
    },
  }
}

/** The assistant whose tool counts its runs in Redis. */
function environmentOfTools(redisUrl: string, graceSec: number): Record<string, string> {
  return {
    ASSISTANTS_DIR: fileURLToPath(new URL('assistants', import.meta.url)),
    // It calls tools without a word before.
    OPENAI_REALTIME_MODEL: 'gpt-realtime',
    RUNS_URL: redisUrl,
    RUN_TIMEOUT_MS: String((graceSec - toolReserveSec) * 1000),
  }
}

/** Upstream is a process of its own, as it is elsewhere: its work is not the clients'. */
async function startSimulator(): Promise<{ url: string; child: Child }> {
  const flags = ['--port', '0', '--rate', String(rate), '--seed', String(voiceSeed), '--faults']
  const child = startChild(null, process.execPath, [simulatorMain, ...flags])
  const url = await lineOf(
    child,
    line => /listening at (\S+)/.exec(line)?.[1],
    'the simulator does not listen',
  )
  return { url, child }
}

const simulatorMain = fileURLToPath(new URL('../../runtime/simulator/main.ts', import.meta.url))

async function startIngress(servers: Readonly<Record<string, number>>): Promise<Ingress> {
  // Somebody else may have taken the port meanwhile.
  return startProxy(await freePort(), servers).catch(async () => startProxy(await freePort(), servers))
}

function voiceOf(): Voice {
  const speaker = createSpeechSynthesizer(voiceSeed)
  const known = new Map<string, readonly number[]>()
  return text => {
    const sounds =
      known.get(text) ??
      Array.from(speaker.speak(text, spokenVoice, 1), ({ samples }) => samples.length * bytesPerSample)
    known.set(text, sounds)
    return sounds
  }
}
