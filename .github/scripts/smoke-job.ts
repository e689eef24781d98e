/** Tries a revision that has no traffic yet, by the job that stands in its network. */
import { readFileSync } from 'node:fs'
import { run, runWithText } from './commands.ts'

export interface SmokeRun {
  readonly group: string
  readonly job: string
  /** The gateway's own image: it has all that the script needs. */
  readonly image: string
  readonly host: string
  readonly revision: string
  /** What the gateway asks for; empty where it asks for nothing. */
  readonly credential: string
  readonly wait: (seconds: number) => Promise<void>
}

const jobsApi = '2025-01-01'
const pollSec = 10
const deadlineSec = 600
const secretName = 'smoke-credential'

/** Tries a revision from inside the network, and waits for the outcome. @throws when it does not hold a conversation */
export async function smoke(wanted: SmokeRun): Promise<void> {
  const { group, job, revision, credential, wait } = wanted
  if (credential !== '') keepCredential(wanted)
  const execution = startJob(wanted)
  const names = ['--name', job, '--resource-group', group, '--job-execution-name', execution]
  for (let waited = 0; waited < deadlineSec; waited += pollSec) {
    await wait(pollSec)
    const show = ['containerapp', 'job', 'execution', 'show', ...names]
    const status = run('az', [...show, '--query', 'properties.status', '--output', 'tsv'])
    if (status === 'Succeeded') return
    if (status === 'Failed' || status === 'Stopped')
      throw new Error(
        `The smoke test ${execution} of ${revision} has ${status.toLowerCase()}; ${why(execution)}`,
      )
  }
  throw new Error(`The smoke test ${execution} of ${revision} did not end; ${why(execution)}`)
}

/** Where its words are: a job has no answer but its end. */
function why(execution: string): string {
  return `why: ContainerAppConsoleLogs | where ContainerGroupName startswith '${execution}'`
}

/** As a secret of the job: the variables of an execution are for every Reader of the subscription to see. */
function keepCredential({ group, job, credential }: SmokeRun): void {
  const set = ['containerapp', 'job', 'secret', 'set', '--name', job, '--resource-group', group]
  runWithText(`${secretName}=${credential}`, secret => [...set, '--secrets', secret, '--output', 'none'])
}

/** Starts the job with the new image and the script, and names the execution. */
function startJob({ group, job, image, host, revision, credential }: SmokeRun): string {
  const script = readFileSync(new URL('smoke.mjs', import.meta.url), 'utf8')
  const container = {
    name: 'smoke',
    image,
    command: ['node', '--input-type=module', '--eval', script],
    env: [
      { name: 'SMOKE_URL', value: host },
      { name: 'SMOKE_REVISION', value: revision },
      ...(credential === '' ? [] : [{ name: 'SMOKE_CREDENTIAL', secretRef: secretName }]),
    ],
    resources: { cpu: 0.25, memory: '0.5Gi' },
  }
  const address = `/subscriptions/{subscriptionId}/resourceGroups/${group}/providers/Microsoft.App/jobs/${job}/start?api-version=${jobsApi}`
  const started = runWithText(JSON.stringify({ containers: [container] }), body => [
    'rest',
    '--method',
    'post',
    '--url',
    address,
    '--body',
    body,
  ])
  return (JSON.parse(started) as { name: string }).name
}
