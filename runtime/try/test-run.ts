/** `npm run try -- NAME --test`: runs the scripted conversations of an assistant, and says what became of each. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Assistant } from '../assistants/assistant.ts'
import { loadAssistants } from '../assistants/assistants.ts'
import { describe } from '../assistants/faults.ts'
import { readScriptedTest, type ScriptedTest } from '../assistants/scripted-test.ts'
import type { Config } from '../config/config.ts'
import { type ScriptedAnswer, startEmbeddedSimulator } from '../gateway/embedded-simulator.ts'
import { startGateway } from '../gateway/gateway.ts'
import type { Log } from '../observability/log.ts'
import { playTest, type ScriptedConversationOptions } from './scripted-conversation.ts'
import { terminalText } from './terminal-text.ts'

export interface TestRunOptions {
  /** The assistant's name. */
  readonly name: string
  readonly config: Config
  /** Whether the configured upstream answers, in place of the simulator and the tests' own scripts. */
  readonly isLive: boolean
  readonly write: (text: string) => void
  readonly log: Log
}

/** An answer of the simulator's comes within this (ms). */
const simulatedPatienceMs = 30_000

/** An answer of a model's comes within this, its tools included (ms). */
const livePatienceMs = 120_000

/** What the scripted model says where the assistant speaks first; a test's script begins with its first turn. */
const scriptedGreeting: ScriptedAnswer = { say: 'Hello.' }

interface NamedTest {
  /** Path below the folder of all assistants: `cafe/tests/order.yaml`. */
  readonly path: string
  readonly test: ScriptedTest
}

/**
 * Runs all tests of an assistant, one after the other.
 * @returns whether all passed
 * @throws AssistantsError for a fault of the folder; Error for an unknown name, a test that cannot be read, none at all,
 * and `isLive` without a configured upstream
 */
export async function runScriptedTests(options: TestRunOptions): Promise<boolean> {
  const { isLive, write, config } = options
  const { target } = config
  if (isLive && target === null)
    throw new Error('--live needs an upstream: set AZURE_OPENAI_ENDPOINT or OPENAI_API_KEY')
  const assistant = findAssistant(options)
  const greets = assistant.greeting !== null
  const tests = readTests(assistant, config.assistants.folder)
  const model = isLive ? `live, ${target?.provider}` : 'scripted model'
  let failed = 0
  for (const { path, test } of tests) {
    const { passed, runs, faults } = await runTest(test, greets, options)
    const isPassed = passed >= (isLive ? (test.pass ?? test.runs) : runs)
    if (!isPassed) failed += 1
    const title = test.description === undefined ? path : `${path}: ${test.description}`
    const count = runs === 1 ? '' : `, ${passed} of ${runs} runs passed, ${test.pass ?? runs} must`
    write(`${isPassed ? 'pass' : 'FAIL'}  ${title} (${model}${count})\n`)
    for (const fault of faults) write(`        ${terminalText(fault)}\n`)
  }
  const whom = isLive
    ? `the configured upstream (${target?.provider})`
    : 'scripted models in the embedded simulator: they prove tools and plumbing, not the prompt'
  write(`${tests.length - failed} of ${tests.length} passed, run with ${whom}\n`)
  return failed === 0
}

/** @throws Error for one that is not there */
function findAssistant({ name, config }: TestRunOptions): Assistant {
  const assistants = loadAssistants({ ...config.assistants, models: config.models.choice })
  const assistant = assistants.get(name)
  if (assistant !== undefined) return assistant
  const names = [...assistants.keys()].map(known => JSON.stringify(known)).join(', ')
  throw new Error(`There is no assistant ${JSON.stringify(name)}; use ${names}`)
}

/** @throws Error with every fault of every file, and where there is none */
function readTests(assistant: Assistant, folder: string): NamedTest[] {
  const { name } = assistant
  const paths = globSync('tests/*.yaml', { cwd: join(folder, name) })
    .map(path => `${name}/${path.replaceAll('\\', '/')}`)
    .sort()
  if (paths.length === 0)
    throw new Error(`The assistant "${name}" has no tests: there is no ${join(folder, name, 'tests')}/*.yaml`)
  const read = paths.map(path => ({
    path,
    ...readScriptedTest(path, readFileSync(join(folder, path), 'utf8'), assistant),
  }))
  const faults = read.flatMap(each => ('faults' in each ? each.faults : []))
  if (faults.length > 0)
    throw new Error(`The tests cannot be run:\n${faults.map(fault => `  - ${describe(fault)}`).join('\n')}`)
  return read.flatMap(each => ('test' in each ? [each] : []))
}

/** A script answers in the same way each time, so that it is run once; a model is asked as often as the test says. */
async function runTest(
  test: ScriptedTest,
  greets: boolean,
  options: TestRunOptions,
): Promise<{ passed: number; runs: number; faults: string[] }> {
  const runs = options.isLive ? test.runs : 1
  const faults: string[] = []
  let passed = 0
  for (let run = 1; run <= runs; run += 1) {
    const found = await (options.isLive ? runLive : runScripted)(test, greets, options)
    if (found.length === 0) passed += 1
    faults.push(...found.map(fault => (runs === 1 ? fault : `run ${run}: ${fault}`)))
  }
  return { passed, runs, faults }
}

function runLive(test: ScriptedTest, greets: boolean, options: TestRunOptions): Promise<string[]> {
  const { name, config, log } = options
  return playTest(test, {
    assistant: name,
    greets,
    patienceMs: livePatienceMs,
    start: parts => startGateway(config, log, null, undefined, parts),
  })
}

async function runScripted(test: ScriptedTest, greets: boolean, options: TestRunOptions): Promise<string[]> {
  const { name, log } = options
  const config = withoutUpstream(options.config)
  const answers = test.model as readonly ScriptedAnswer[] | undefined
  const script = answers === undefined ? [] : [...(greets ? [scriptedGreeting] : []), ...answers]
  const simulator = await startEmbeddedSimulator(config.simulator, script)
  try {
    const start: ScriptedConversationOptions['start'] = parts =>
      startGateway(config, log, null, undefined, { ...parts, simulatorUrl: simulator.url })
    const faults = await playTest(test, { assistant: name, greets, patienceMs: simulatedPatienceMs, start })
    const { answersLeft } = simulator
    if (faults.length === 0 && answersLeft > 0)
      faults.push(`model: the conversation ended before the last ${answersLeft} of its answers`)
    return faults
  } finally {
    await simulator.close()
  }
}

/** The simulator takes no key of an upstream's, and none is sent to it. */
function withoutUpstream(config: Config): Config {
  return { ...config, target: null, entra: null, apiKey: '', fallbackTargets: [], fallbackKeys: [] }
}
