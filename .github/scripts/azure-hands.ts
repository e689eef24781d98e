/** The hands of a roll-out: the commands of Pulumi and Azure. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { CommandError, run, runWithText, signIn } from './commands.ts'
import { listErrors, type Preview, type PreviewStep, readPreview, reportPreview } from './preview-report.ts'
import type { Hands as RetireHands } from './retire-idle.ts'
import type { Hands, Weight } from './roll-out.ts'
import { smoke } from './smoke-job.ts'

export interface Surroundings {
  readonly stack: string
  /** Sockets that are held from here while weights move. */
  readonly sockets: number
  /** A key for a gateway that asks for one; it goes before `audience`. */
  readonly credential: string
  /** App-id URI of the API of a gateway that asks for Entra ID: a token is got when it is needed. */
  readonly audience: string
  readonly wait: (seconds: number) => Promise<void>
}

const logsApi = 'https://api.loganalytics.io'
const pollSec = 10
const activationSec = 600

/** Makes the hands for a stack; `pulumi` and `az` must be signed in. */
export function azureHands(surroundings: Surroundings): Hands & RetireHands {
  const { stack, sockets, wait } = surroundings
  const output = (name: string) => run('pulumi', ['stack', 'output', name, '--stack', stack])
  // All of them: asked for one that is not there yet, Pulumi fails as it does when it cannot reach the state.
  const outputs = () =>
    JSON.parse(run('pulumi', ['stack', 'output', '--json', '--stack', stack])) as { revisions?: Weight[] }
  const app = () => ['--name', output('containerAppName'), '--resource-group', output('resourceGroup')]
  return {
    weights: async () => outputs().revisions ?? [],
    active: async () => {
      await signIn()
      const list = ['containerapp', 'revision', 'list', ...app(), '--query', '[?properties.active].name']
      return run('az', [...list, '--output', 'tsv'])
        .split('\n')
        .filter(name => name !== '')
    },
    update: async weights => {
      await signIn()
      setTraffic(stack, weights)
      updateByPlan(stack)
    },
    newest: async () => output('latestRevision'),
    keepImage: async () => {
      run('pulumi', ['config', 'set', 'imageRef', output('imageRef'), '--stack', stack])
    },
    checkCredential: async () => checkCredential(surroundings),
    smoke: async revision =>
      smoke({
        group: output('resourceGroup'),
        job: output('smokeJob'),
        image: output('imageRef'),
        host: labelHost(output('containerAppUrl')),
        revision,
        credential: await credentialOf(surroundings),
        wait,
      }),
    holdSockets: async () =>
      holdSockets(output('applicationGatewayUrl'), sockets, await credentialOf(surroundings)),
    openSockets: async revision => {
      await signIn()
      return countSockets(output('logWorkspace'), revision)
    },
    activate: async revision => {
      await signIn()
      await activate(['--revision', revision, ...app()], wait)
    },
    deactivate: async revision => {
      await signIn()
      run('az', ['containerapp', 'revision', 'deactivate', '--revision', revision, ...app()], 'inherit')
    },
    wait,
    say: line => console.log(line),
  }
}

/**
 * Updates the stack from a plan that was looked at: a roll-out moves weights and images, and never the gateway.
 * @throws when the plan would cut sockets, or take away what no update brings back
 */
function updateByPlan(stack: string): void {
  const plan = `plan-${randomUUID()}`
  try {
    const { alarms } = reportPreview(stack, planInto(plan, stack))
    if (alarms.length > 0)
      throw new Error(
        `Nothing was updated, as this would cut sockets (${alarms.join('; ')}): run deploy first`,
      )
    run('pulumi', ['up', '--yes', '--skip-preview', '--plan', plan, '--stack', stack], 'inherit')
  } finally {
    rmSync(plan, { force: true })
  }
}

/** Makes a plan. @throws with what the program said: with --json, that stands among the rest, and nowhere else */
function planInto(file: string, stack: string): readonly PreviewStep[] {
  const preview = ['preview', '--json', '--save-plan', file, '--stack', stack]
  try {
    return (JSON.parse(run('pulumi', preview)) as Preview).steps ?? []
  } catch (fault) {
    const printed = fault instanceof CommandError ? fault.printed : ''
    const said = listErrors(readPreview(printed)?.diagnostics ?? [])
    throw said === '' ? fault : new Error(`Nothing was updated, as the preview failed:\n${said}`)
  }
}

/** `--path` keeps numbers numbers; the list is written anew, as an entry cannot be taken out of it. */
function setTraffic(stack: string, weights: readonly Weight[]): void {
  run('pulumi', ['config', 'rm', 'traffic', '--stack', stack])
  const values = weights.flatMap((entry, index) =>
    Object.entries(entry).flatMap(([key, value]) => ['--plaintext', `traffic[${index}].${key}=${value}`]),
  )
  if (values.length > 0) run('pulumi', ['config', 'set-all', '--path', '--stack', stack, ...values])
}

/** Setting names are those of `infra/setting-table.ts`; an unset `gatewayAuth` is a key, which the stack makes. */
function checkCredential({ stack, credential, audience }: Surroundings): void {
  if (credential !== '' || audience !== '') return
  const config = JSON.parse(run('pulumi', ['config', '--json', '--stack', stack]))
  const { value = '' } = (config as Record<string, { value?: string }>)['realtime-gateway:gatewayAuth'] ?? {}
  if (value === 'none') return
  throw new Error(
    `The gateway of ${stack} asks clients for a credential, and the client of the roll-out has none: set the secret GATEWAY_CREDENTIAL of the environment ${stack} to a key (pulumi stack output gatewayKey --show-secrets tells one that the stack made), or the variable GATEWAY_AUDIENCE for Entra ID`,
  )
}

/** A token of Entra ID lives for an hour or so: one that is kept would be too old at the next roll-out. */
async function credentialOf({ credential, audience }: Surroundings): Promise<string> {
  if (credential !== '' || audience === '') return credential
  await signIn()
  const ask = ['account', 'get-access-token', '--scope', `${audience}/.default`]
  return run('az', [...ask, '--query', 'accessToken', '--output', 'tsv'])
}

/** @throws when the revision is gone, or does not run in time */
async function activate(revision: readonly string[], wait: Surroundings['wait']): Promise<void> {
  const show = (property: string) =>
    run('az', ['containerapp', 'revision', 'show', ...revision, '--query', property, '--output', 'tsv'])
  if (show('properties.active').toLowerCase() === 'true') return
  run('az', ['containerapp', 'revision', 'activate', ...revision, '--output', 'none'], 'inherit')
  for (let waited = 0; waited < activationSec; waited += pollSec) {
    if (show('properties.runningState').startsWith('Running')) return
    await wait(pollSec)
  }
  throw new Error(`${revision[1]} does not run: ContainerAppSystemLogs says why`)
}

/** A label's own name stands beside the app's (learn.microsoft.com, container-apps/revisions). */
export function labelHost(appUrl: string): string {
  const url = new URL(appUrl)
  const [app = '', ...domain] = url.hostname.split('.')
  return `https://${app}---next.${domain.join('.')}`
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
      const end = client.exitCode ?? client.signalCode
      if (end !== null) throw new Error(`The client that held sockets ended with ${end}`)
    },
    stop: async () => {
      const ended = new Promise<void>(resolve => client.once('exit', () => resolve()))
      if (client.exitCode === null && client.kill('SIGINT')) await ended
    },
  }
}

/**
 * From the log, as the platform has no such metric: connections that came, less those that went. By the plain
 * interface: `az monitor log-analytics query` is an extension, which would be downloaded on the way.
 */
function countSockets(workspace: string, revision: string): number {
  const query = `ContainerAppConsoleLogs | where RevisionName == '${revision}' | extend event = tostring(parse_json(Log).event) | summarize open = countif(event == 'client.connected') - countif(event == 'connection.closed')`
  const show = ['monitor', 'log-analytics', 'workspace', 'show', '--ids', workspace]
  const id = run('az', [...show, '--query', 'customerId', '--output', 'tsv'])
  const answer = runWithText(JSON.stringify({ query }), body => [
    'rest',
    '--method',
    'post',
    '--url',
    `${logsApi}/v1/workspaces/${id}/query`,
    '--resource',
    logsApi,
    '--body',
    body,
  ])
  const { tables } = JSON.parse(answer) as { tables: { rows: number[][] }[] }
  const open = tables[0]?.rows[0]?.[0]
  if (open === undefined) throw new Error(`The log says nothing of ${revision}`)
  return open
}
