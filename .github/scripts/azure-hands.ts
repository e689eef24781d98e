/** The hands of a roll-out: the commands of Pulumi and Azure. */
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Hands, Weight } from './roll-out.ts'

export interface Surroundings {
  readonly stack: string
  /** Sockets that are held from here while weights move. */
  readonly sockets: number
  /** An access token or key for a gateway that asks for one. */
  readonly credential: string
}

const jobsApi = '2025-01-01'
const jobPollSec = 10
const jobDeadlineSec = 600

/** Makes the hands for a stack; `pulumi` and `az` must be signed in. */
export function azureHands({ stack, sockets, credential }: Surroundings): Hands {
  const output = (name: string) => run('pulumi', ['stack', 'output', name, '--stack', stack])
  const list = async () =>
    JSON.parse(run('pulumi', ['stack', 'output', 'revisions', '--json', '--stack', stack])) as Weight[]
  const app = () => ['--name', output('containerAppName'), '--resource-group', output('resourceGroup')]
  return {
    weights: () => list().catch(() => []),
    update: async weights => {
      await signIn()
      setTraffic(stack, weights)
      run('pulumi', ['up', '--yes', '--skip-preview', '--stack', stack], 'inherit')
    },
    newest: async () => output('latestRevision'),
    keepImage: async () => {
      run('pulumi', ['config', 'set', 'imageRef', output('imageRef'), '--stack', stack])
    },
    smoke: revision =>
      smoke({
        group: output('resourceGroup'),
        job: output('smokeJob'),
        image: output('imageRef'),
        host: labelHost(output('containerAppUrl')),
        revision,
        credential,
      }),
    holdSockets: async () => holdSockets(output('applicationGatewayUrl'), sockets, credential),
    openSockets: async revision => {
      await signIn()
      return countSockets(output('logWorkspace'), revision)
    },
    deactivate: async revision => {
      run('az', ['containerapp', 'revision', 'deactivate', '--revision', revision, ...app()], 'inherit')
    },
    wait,
    say: line => console.log(line),
  }
}

function run(program: string, args: readonly string[], out: 'pipe' | 'inherit' = 'pipe'): string {
  const { status, stdout, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', out, 'inherit'],
  })
  if (status !== 0)
    throw new Error(
      `${program} ${args.slice(0, 3).join(' ')} failed${error ? `: ${error.message}` : ` with ${status}`}`,
    )
  return (stdout ?? '').trim()
}

/**
 * Signs az in with a fresh proof of GitHub's: a roll-out outlasts the first one (Azure/login#372), and the
 * state is reached by az's sign-in too. Does nothing outside GitHub, where someone has signed in.
 */
async function signIn(): Promise<void> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env
  const { ARM_CLIENT_ID = '', ARM_TENANT_ID = '' } = process.env
  if (address === undefined || token === undefined) return
  const answer = await fetch(`${address}&audience=api://AzureADTokenExchange`, {
    headers: { Authorization: `bearer ${token}` },
  })
  if (!answer.ok) throw new Error(`GitHub gave no proof of identity (HTTP ${answer.status})`)
  const { value } = (await answer.json()) as { value: string }
  const who = ['--service-principal', '--username', ARM_CLIENT_ID, '--tenant', ARM_TENANT_ID]
  run('az', ['login', ...who, '--federated-token', value, '--output', 'none'])
}

const wait = (seconds: number) => new Promise<void>(resolve => setTimeout(resolve, seconds * 1000))

/** `--path` keeps numbers numbers; the list is written anew, as an entry cannot be taken out of it. */
function setTraffic(stack: string, weights: readonly Weight[]): void {
  run('pulumi', ['config', 'rm', 'traffic', '--stack', stack])
  const values = weights.flatMap((entry, index) =>
    Object.entries(entry).flatMap(([key, value]) => ['--plaintext', `traffic[${index}].${key}=${value}`]),
  )
  if (values.length > 0) run('pulumi', ['config', 'set-all', '--path', '--stack', stack, ...values])
}

/** A label's own name stands beside the app's (learn.microsoft.com, container-apps/revisions). */
export function labelHost(appUrl: string): string {
  const url = new URL(appUrl)
  const [app = '', ...domain] = url.hostname.split('.')
  return `https://${app}---next.${domain.join('.')}`
}

interface SmokeRun {
  readonly group: string
  readonly job: string
  readonly image: string
  readonly host: string
  readonly revision: string
  readonly credential: string
}

/** Tries a revision from inside the network, and waits for the outcome. */
async function smoke(wanted: SmokeRun): Promise<void> {
  const { group, job, revision } = wanted
  const execution = startJob(wanted)
  const names = ['--name', job, '--resource-group', group, '--job-execution-name', execution]
  for (let waited = 0; waited < jobDeadlineSec; waited += jobPollSec) {
    await wait(jobPollSec)
    const show = ['containerapp', 'job', 'execution', 'show', ...names]
    const status = run('az', [...show, '--query', 'properties.status', '--output', 'tsv'])
    if (status === 'Succeeded') return
    if (status === 'Failed' || status === 'Stopped')
      throw new Error(`The smoke test ${execution} of ${revision} has ${status.toLowerCase()}`)
  }
  throw new Error(`The smoke test ${execution} of ${revision} did not end`)
}

/** Starts the job with the new image and the script, and names the execution. */
function startJob({ group, job, image, host, revision, credential }: SmokeRun): string {
  const container = {
    name: 'smoke',
    image,
    command: [
      'node',
      '--input-type=module',
      '--eval',
      readFileSync(new URL('smoke.mjs', import.meta.url), 'utf8'),
    ],
    env: [
      { name: 'SMOKE_URL', value: host },
      { name: 'SMOKE_REVISION', value: revision },
      ...(credential ? [{ name: 'SMOKE_CREDENTIAL', value: credential }] : []),
    ],
    resources: { cpu: 0.25, memory: '0.5Gi' },
  }
  const address = `/subscriptions/{subscriptionId}/resourceGroups/${group}/providers/Microsoft.App/jobs/${job}/start?api-version=${jobsApi}`
  // By a file, not an argument: arguments of a process are for all to read.
  const body = `smoke-${randomUUID()}.json`
  writeFileSync(body, JSON.stringify({ containers: [container] }), { mode: 0o600 })
  try {
    const started = run('az', ['rest', '--method', 'post', '--url', address, '--body', `@${body}`])
    return (JSON.parse(started) as { name: string }).name
  } finally {
    rmSync(body)
  }
}

/** The load test of the repository, against the public address; it ends with a fault when a socket was lost. */
function holdSockets(url: string, sockets: number, credential: string) {
  const client = spawn('npm', ['run', 'test:load'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      TARGET_URL: url,
      CONNECTIONS: String(sockets),
      DURATION_SEC: '86400',
      TARGET_CREDENTIAL: credential,
    },
  })
  return {
    check: () => {
      if (client.exitCode !== null)
        throw new Error(`The client that held sockets ended with ${client.exitCode}`)
    },
    stop: async () => {
      const ended = new Promise<void>(resolve => client.once('exit', () => resolve()))
      if (client.exitCode === null && client.kill('SIGINT')) await ended
    },
  }
}

/** From the log, as the platform has no such metric: connections that came, less those that went. */
function countSockets(workspace: string, revision: string): number {
  const query = `ContainerAppConsoleLogs | where RevisionName == '${revision}' | extend event = tostring(parse_json(Log).event) | summarize open = countif(event == 'client.connected') - countif(event == 'connection.closed')`
  const customerId = run('az', [
    'monitor',
    'log-analytics',
    'workspace',
    'show',
    '--ids',
    workspace,
    '--query',
    'customerId',
    '--output',
    'tsv',
  ])
  const [row] = JSON.parse(
    run('az', ['monitor', 'log-analytics', 'query', '--workspace', customerId, '--analytics-query', query]),
  ) as { open: string }[]
  return Number(row?.open ?? 0)
}
