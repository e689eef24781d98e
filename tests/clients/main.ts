/**
 * `npm run test:clients`: clients that nobody here wrote hold their talks through the gateway. Needs Python 3 with
 * venv, npm's registry and PyPI at the first run. Exit code 1: a client did not hold, or the table in the documents
 * says something else than the run; 2: bad arguments.
 */
import { parseArgs } from 'node:util'
import { installClients } from './install.ts'
import { pythonExample, runPythonExample } from './python-example.ts'
import { clients, type Talk } from './roster.ts'
import { notServed, type Outcome, runClient, servesTranscription, startDefaultGateway } from './run.ts'
import { readTable, renderTable, tableFile, writeTable } from './table.ts'

const help = `npm run test:clients [-- OPTIONS]
  --only NAME   a script of tests/clients/talks, without its ending; may be repeated
  --write       writes the table of docs/endpoints/sdk.md, where all clients ran
  --help`

const { only, write } = readOptionsOrExit()
const chosen = clients.filter(({ script }) => only.length === 0 || only.includes(nameOf(script)))
const installed = installClients(console.log)
const gateway = await startDefaultGateway(installed.tls)
const outcomes: Outcome[] = []
/** What the example in Python did not hold; null where it did, or did not run. */
let exampleFault: string | null = null
try {
  const transcription = await servesTranscription(gateway)
  const served = (talk: Talk) => talk !== 'transcription' || transcription
  for (const client of chosen) {
    const outcome = await runClient(client, gateway, installed, served)
    outcomes.push(outcome)
    tell(outcome)
  }
  if (chosen.some(({ script }) => script === 'openai_sdk.py')) {
    exampleFault = await runPythonExample(gateway, installed.python)
    console.log(`${pythonExample}\n  ${exampleFault === null ? 'held' : `FAILED: ${exampleFault}`}`)
  }
} finally {
  gateway.stop()
}
const failed = exampleFault !== null || outcomes.flatMap(({ faults }) => [...faults.values()]).some(isFault)
process.exit(failed || !keepsTable() ? 1 : 0)

function tell({ client, faults }: Outcome): void {
  console.log(client.name.replaceAll('`', ''))
  for (const [talk, fault] of faults) {
    const verdict = isFault(fault) ? 'FAILED' : (fault ?? 'held')
    console.log(`  ${talk.padEnd(14)} ${verdict}${isFault(fault) ? `: ${fault}` : ''}`)
  }
}

function isFault(fault: string | null): boolean {
  return fault !== null && fault !== notServed
}

/** Whether the documents say what the run found, after it was written there if that was asked for. */
function keepsTable(): boolean {
  if (chosen.length < clients.length) return true
  const table = renderTable(outcomes)
  if (write) writeTable(table)
  if (readTable() === table) return true
  console.log(`${tableFile} says something else; --write writes:\n\n${table}`)
  return false
}

function nameOf(script: string): string {
  return script.replace(/\.\w+$/, '')
}

function readOptionsOrExit(): { only: string[]; write: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true, default: [] },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(help)
      process.exit(0)
    }
    const unknown = values.only.filter(name => !clients.some(({ script }) => nameOf(script) === name))
    const known = clients.map(({ script }) => nameOf(script)).join(', ')
    if (unknown.length > 0) throw new Error(`--only knows no "${unknown.join('", "')}"; there are ${known}`)
    return values
  } catch (fault) {
    console.error(`${fault instanceof Error ? fault.message : fault}\n\n${help}`)
    process.exit(2)
  }
}
