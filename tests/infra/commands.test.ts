/**
 * The commands that the workflows give to Pulumi and Azure: stand-ins on the path write down what they were asked,
 * files that they were pointed to included, and answer as the real ones do.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { azureHands } from '../../.github/scripts/azure-hands.ts'
import { signIn } from '../../.github/scripts/commands.ts'

interface Asked {
  readonly program: string
  readonly args: readonly string[]
  /** What stands in the file of an argument `@file`. */
  readonly text?: string
}

/** Answers by the beginning of a command line; the longest that fits. A number is an exit code. */
type Answers = Readonly<Record<string, string | number>>

const program = `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs')
const { basename, dirname, join } = require('node:path')
const here = dirname(process.argv[1])
const [program, args] = [basename(process.argv[1]), process.argv.slice(2)]
const file = args.find(arg => arg.startsWith('@'))
const text = file && readFileSync(file.slice(1), 'utf8')
appendFileSync(join(here, 'asked'), JSON.stringify({ program, args, text }) + '\\n')
const line = [program, ...args].join(' ')
const answers = JSON.parse(readFileSync(join(here, 'answers'), 'utf8'))
const [fit] = Object.keys(answers).filter(start => line.startsWith(start)).sort((a, b) => b.length - a.length)
if (typeof answers[fit] === 'number') process.exit(answers[fit])
console.log(answers[fit] ?? '')
`

const outputs: Answers = {
  'pulumi stack output --json': JSON.stringify({ revisions: [{ revision: 'app--rblue', weight: 100 }] }),
  'pulumi stack output revisions --json': JSON.stringify([{ revision: 'app--rblue' }]),
  'pulumi stack output containerAppName': 'app',
  'pulumi stack output containerAppUrl': 'https://app.kindsea.azurecontainerapps.io',
  'pulumi stack output resourceGroup': 'app-rg',
  'pulumi stack output smokeJob': 'app-smoke',
  'pulumi stack output imageRef': 'a.azurecr.io/b@sha256:0',
  'pulumi stack output logWorkspace': '/subscriptions/s/workspaces/logs',
}

function standIns(t: ExecutionContext, answers: Answers = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const name of ['pulumi', 'az']) {
    writeFileSync(join(folder, name), program)
    chmodSync(join(folder, name), 0o755)
  }
  writeFileSync(join(folder, 'answers'), JSON.stringify({ ...outputs, ...answers }))
  writeFileSync(join(folder, 'asked'), '')
  const asked = () =>
    readFileSync(join(folder, 'asked'), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Asked)
  return { path: `${folder}:${process.env.PATH}`, asked }
}

/** Hands whose commands are the stand-ins; one test at a time, as the path is the process's. */
function handsWith(t: ExecutionContext, answers: Answers = {}, credential = '', audience = '') {
  const { path, asked } = standIns(t, answers)
  const before = process.env.PATH
  process.env.PATH = path
  t.teardown(() => {
    process.env.PATH = before
  })
  const waits: number[] = []
  const wait = async (seconds: number) => {
    waits.push(seconds)
  }
  return { hands: azureHands({ stack: 'dev', sockets: 1, credential, audience, wait }), asked, waits }
}

const lineOf = ({ program, args }: Asked) => [program, ...args].join(' ')

test.serial(
  'an update writes the weights anew, numbers as numbers, and says yes to what it was told',
  async t => {
    const { hands, asked } = handsWith(t)
    await hands.update([
      { revision: 'app--rblue', weight: 90 },
      { revision: 'newest', weight: 10, label: 'next' },
    ])
    t.deepEqual(asked().map(lineOf), [
      'pulumi config rm traffic --stack dev',
      'pulumi config set-all --path --stack dev --plaintext traffic[0].revision=app--rblue --plaintext traffic[0].weight=90 --plaintext traffic[1].revision=newest --plaintext traffic[1].weight=10 --plaintext traffic[1].label=next',
      'pulumi up --yes --skip-preview --stack dev',
    ])
  },
)

test.serial(
  'a stack that has no outputs yet has no weights; a state out of reach is a fault, not a first time',
  async t => {
    t.deepEqual(await handsWith(t).hands.weights(), [{ revision: 'app--rblue', weight: 100 }])
    t.deepEqual(await handsWith(t, { 'pulumi stack output --json': '{}' }).hands.weights(), [])
    await t.throwsAsync(handsWith(t, { 'pulumi stack output --json': 255 }).hands.weights(), {
      message: 'pulumi stack output --json failed with 255',
    })
  },
)

test.serial('to keep the image is to name the one that runs', async t => {
  const { hands, asked } = handsWith(t)
  await hands.keepImage()
  t.is(asked().map(lineOf).at(-1), 'pulumi config set imageRef a.azurecr.io/b@sha256:0 --stack dev')
})

const started = { 'az rest': '{"name":"run-1"}', 'az containerapp job execution show': 'Succeeded' }

test.serial('a smoke test runs the new image in the network, and is waited for', async t => {
  const { hands, asked, waits } = handsWith(t, started)
  await hands.smoke('app--rgreen')
  const start = asked().find(({ args }) => args[0] === 'rest')
  t.true(
    start?.args.some(arg =>
      arg.includes('/resourceGroups/app-rg/providers/Microsoft.App/jobs/app-smoke/start?'),
    ),
  )
  const { containers } = JSON.parse(start?.text ?? '') as {
    containers: { image: string; command: string[]; env: { name: string; value?: string }[] }[]
  }
  t.like(containers[0], { name: 'smoke', image: 'a.azurecr.io/b@sha256:0' })
  t.deepEqual(containers[0]?.env, [
    { name: 'SMOKE_URL', value: 'https://app---next.kindsea.azurecontainerapps.io' },
    { name: 'SMOKE_REVISION', value: 'app--rgreen' },
  ])
  t.true(containers[0]?.command.at(-1)?.includes('smoke.passed'))
  t.deepEqual(waits, [10])
})

test.serial(
  "a credential is a secret of the job: neither a process's argument nor a variable that a Reader sees",
  async t => {
    const credential = 'correct-horse-battery'
    const { hands, asked } = handsWith(t, started, credential)
    await hands.smoke('app--rgreen')
    t.false(asked().some(command => lineOf(command).includes(credential)))
    const [secret, start] = asked().filter(({ text }) => text !== undefined)
    t.true(
      lineOf(secret ?? { program: '', args: [] }).startsWith(
        'az containerapp job secret set --name app-smoke',
      ),
    )
    t.is(secret?.text, `smoke-credential=${credential}`)
    t.false(start?.text?.includes(credential))
    t.true(start?.text?.includes('{"name":"SMOKE_CREDENTIAL","secretRef":"smoke-credential"}'))
  },
)

test.serial(
  'where Entra ID is asked for, the client shows a token of the moment; a credential that is kept goes before',
  async t => {
    const token = { ...started, 'az account get-access-token': 'token-of-now' }
    const fresh = handsWith(t, token, '', 'api://realtime-gateway')
    await fresh.hands.smoke('app--rgreen')
    t.true(
      fresh
        .asked()
        .map(lineOf)
        .includes(
          'az account get-access-token --scope api://realtime-gateway/.default --query accessToken --output tsv',
        ),
    )
    t.true(fresh.asked().some(({ text }) => text === 'smoke-credential=token-of-now'))
    const kept = handsWith(t, token, 'a-key', 'api://realtime-gateway')
    await kept.hands.smoke('app--rgreen')
    t.true(kept.asked().some(({ text }) => text === 'smoke-credential=a-key'))
  },
)

const show = (property: string) =>
  `az containerapp revision show --revision app--rblue --name app --resource-group app-rg --query properties.${property}`

test.serial('a revision that was deactivated is started, and waited for until it runs', async t => {
  const active = handsWith(t, { [show('active')]: 'true' })
  await active.hands.activate('app--rblue')
  t.false(active.asked().some(command => lineOf(command).includes('revision activate')))
  const inactive = handsWith(t, { [show('active')]: 'false', [show('runningState')]: 'RunningAtMaxScale' })
  await inactive.hands.activate('app--rblue')
  t.true(
    inactive
      .asked()
      .map(lineOf)
      .includes(
        'az containerapp revision activate --revision app--rblue --name app --resource-group app-rg --output none',
      ),
  )
})

test.serial(
  'a revision that does not come to run again is named, and one that is gone fails at once',
  async t => {
    const stuck = handsWith(t, { [show('active')]: 'false', [show('runningState')]: 'Processing' })
    await t.throwsAsync(stuck.hands.activate('app--rblue'), { message: /app--rblue does not run/ })
    t.is(
      stuck.waits.reduce((sum, seconds) => sum + seconds),
      600,
    )
    const gone = handsWith(t, { [show('active')]: 3 })
    await t.throwsAsync(gone.hands.activate('app--rblue'), {
      message: 'az containerapp revision show failed with 3',
    })
    t.deepEqual(gone.waits, [])
  },
)

test.serial('a smoke test that failed, or did not end, is told of by name', async t => {
  const failed = handsWith(t, { ...started, 'az containerapp job execution show': 'Failed' })
  await t.throwsAsync(failed.hands.smoke('app--rgreen'), {
    message:
      /run-1 of app--rgreen has failed; why: ContainerAppConsoleLogs \| where ContainerGroupName startswith 'run-1'/,
  })
  const endless = handsWith(t, { ...started, 'az containerapp job execution show': 'Running' })
  await t.throwsAsync(endless.hands.smoke('app--rgreen'), { message: /did not end/ })
})

test.serial(
  'open sockets are counted from the log, without an extension of az; silence is no zero',
  async t => {
    const answer = JSON.stringify({
      tables: [{ name: 'PrimaryResult', columns: [{ name: 'open' }], rows: [[7]] }],
    })
    const { hands, asked } = handsWith(t, {
      'az monitor log-analytics workspace show': 'id-1',
      'az rest': answer,
    })
    t.is(await hands.openSockets('app--rblue'), 7)
    const rest = asked().find(({ args }) => args[0] === 'rest')
    t.true(rest?.args.includes('https://api.loganalytics.io/v1/workspaces/id-1/query'))
    t.regex(rest?.text ?? '', /RevisionName == 'app--rblue'/)
    t.false(asked().some(command => lineOf(command).startsWith('az monitor log-analytics query')))
    const silent = handsWith(t, { 'az rest': '{"tables":[{"rows":[]}]}' })
    await t.throwsAsync(silent.hands.openSockets('app--rblue'), { message: /says nothing/ })
  },
)

/** Stands for the service of GitHub's that says who a job is. */
async function asInGitHub(t: ExecutionContext, answer: RequestListener): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const given = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?a=b`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
    ARM_CLIENT_ID: 'client',
    ARM_TENANT_ID: 'tenant',
  }
  Object.assign(process.env, given)
  t.teardown(() => {
    for (const name of Object.keys(given)) delete process.env[name]
    server.closeAllConnections()
    server.close()
  })
}

test.serial('az signs in with a fresh proof, which is no argument of a process', async t => {
  const { asked } = handsWith(t)
  await asInGitHub(t, ({ url, headers }, response) => {
    t.is(url, '/token?a=b&audience=api://AzureADTokenExchange')
    t.is(headers.authorization, 'bearer of-the-job')
    response.end('{"value":"proof"}')
  })
  await signIn()
  const [login] = asked()
  t.regex(
    lineOf(login ?? { program: '', args: [] }),
    /^az login --service-principal --username client --tenant tenant --federated-token @az-/,
  )
  t.is(login?.text, 'proof')
})

test.serial('GitHub is not waited for without end', async t => {
  const { asked } = handsWith(t)
  await asInGitHub(t, () => undefined)
  await t.throwsAsync(signIn(50), { name: 'TimeoutError' })
  t.deepEqual(asked(), [])
})

/** Runs the script that deploy runs after an update. */
function retire(t: ExecutionContext, answers: Answers) {
  const { path, asked } = standIns(t, answers)
  const script = fileURLToPath(new URL('../../.github/scripts/retire-idle.sh', import.meta.url))
  const { status, stderr } = spawnSync('bash', [script, 'dev'], { encoding: 'utf8', env: { PATH: path } })
  return {
    status,
    stderr,
    deactivated: asked()
      .filter(({ args }) => args.includes('deactivate'))
      .map(({ args }) => args[args.indexOf('--revision') + 1]),
  }
}

const active = { 'az containerapp revision list': 'app--rblue\napp--rold\napp--rblue2' }

test.serial('revisions that the stack does not list are deactivated, and no other', t => {
  const { status, stderr, deactivated } = retire(t, active)
  t.is(status, 0, stderr)
  t.deepEqual(deactivated, ['app--rold', 'app--rblue2'])
})

test.serial('a stack that lists no revision, or cannot be asked, has none deactivated', t => {
  for (const answer of ['[]', 255]) {
    const { status, deactivated } = retire(t, { ...active, 'pulumi stack output revisions --json': answer })
    t.not(status, 0)
    t.deepEqual(deactivated, [])
  }
})
