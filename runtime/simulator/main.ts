/** `npm run simulator`: the simulator alone, on its own port. */
import { readFile } from 'node:fs/promises'
import { makeCertificate } from '../core/self-signed.ts'
import { type Flags, help, readFlags } from './flags.ts'
import { readRecording } from './replay/recording.ts'
import { type SimulatorOptions, startSimulator } from './server.ts'
import { type CallerScript, makeScriptedCall } from './telephone/script.ts'

const badUsage = 2

try {
  await run(readFlags(process.argv.slice(2)))
} catch (problem) {
  console.error(problem instanceof Error ? problem.message : problem)
  process.exitCode = badUsage
}

async function run(flags: Flags): Promise<void> {
  if (flags.help) {
    console.log(help)
    return
  }
  const simulator = await startSimulator(await optionsOf(flags))
  console.log(welcome(simulator.url, flags))
  const leave = () => void simulator.close().then(() => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave)
  if (flags.call) await makeScriptedCall(simulator, scriptOf(flags), line => console.log(line))
}

async function optionsOf({
  host,
  port,
  tls,
  seed,
  rate,
  faults,
  replay,
  fast,
}: Flags): Promise<SimulatorOptions> {
  return {
    host,
    port,
    faults,
    ...(tls && { tls: await makeCertificate() }),
    ...(seed !== undefined && { seed }),
    ...(rate !== undefined && { rate }),
    ...(replay !== undefined && { replay: readRecording(await readFile(replay, 'utf8'), fast) }),
  }
}

function scriptOf({ webhook, webhookSecret, deliveries, hangUpAfterMs, to }: Flags): CallerScript {
  return {
    webhook: { url: webhook, secret: webhookSecret },
    deliveries,
    hangUpAfterMs,
    ...(to !== undefined && { to }),
  }
}

function welcome(url: string, { faults, replay, call, webhookSecret }: Flags): string {
  const notes = [
    `simulator of the Realtime API listening at ${url}`,
    `  base URL for OpenAI's SDKs   ${url}/v1`,
    `  Azure OpenAI endpoint        ${url}   (/openai/v1/realtime, /openai/realtime?api-version=…)`,
    '  any key is good, except one that begins with "bad" or "invalid"',
  ]
  if (faults) notes.push('  faults: ?fault=NAME, header x-simulator-fault, a model name with --fault-NAME')
  if (call)
    notes.push(
      `  a gateway that answers: OPENAI_API_KEY=x OPENAI_BASE_URL=${url}/v1 CALLS_POLICY=accept OPENAI_WEBHOOK_SECRET=${webhookSecret}`,
    )
  if (replay !== undefined) notes.push(`  every client is played ${replay}`)
  return notes.join('\n')
}
