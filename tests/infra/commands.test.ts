/** The commands that the workflows give to Pulumi and Azure, and how they sign in. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { signIn } from '../../.github/scripts/commands.ts'
import { handsWith, lineOf } from './stand-ins.ts'

test.serial(
  'an update writes the weights anew, numbers as numbers, and says yes to what it was told',
  async t => {
    const { hands, asked } = handsWith(t)
    await hands.update([
      { revision: 'app--rblue', weight: 90 },
      { revision: 'newest', weight: 10, label: 'next' },
    ])
    const lines = asked().map(line => lineOf(line).replace(/plan-[0-9a-f-]+/, 'PLAN'))
    t.deepEqual(lines, [
      'pulumi config rm traffic --stack dev',
      'pulumi config set-all --path --stack dev --plaintext traffic[0].revision=app--rblue --plaintext traffic[0].weight=90 --plaintext traffic[1].revision=newest --plaintext traffic[1].weight=10 --plaintext traffic[1].label=next',
      'pulumi preview --json --save-plan PLAN --stack dev',
      'pulumi up --yes --skip-preview --plan PLAN --stack dev',
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

test.serial('an update whose plan would touch the Application Gateway is not made', async t => {
  const steps = [{ op: 'update', urn: 'urn:pulumi:dev::p::azure-native:network:ApplicationGateway::gateway' }]
  const { hands, asked } = handsWith(t, { 'pulumi preview': JSON.stringify({ steps }) })
  await t.throwsAsync(hands.update([{ revision: 'newest', weight: 100 }]), {
    message: /Nothing was updated, as this would cut sockets/,
  })
  t.false(asked().some(line => lineOf(line).startsWith('pulumi up')))
})

test.serial('an update whose preview fails is not made, and says what the program said', async t => {
  const message = 'The configuration of the stack dev has 1 fault:\n  - minReplicas: is over maxReplicas\n'
  const text = JSON.stringify({ config: {}, diagnostics: [{ severity: 'error', message }] })
  const { hands, asked } = handsWith(t, { 'pulumi preview': { code: 1, text } })
  await t.throwsAsync(hands.update([{ revision: 'newest', weight: 100 }]), {
    message: /minReplicas: is over maxReplicas/,
  })
  t.false(asked().some(line => lineOf(line).startsWith('pulumi up')))
  const silent = handsWith(t, { 'pulumi preview': 255 })
  await t.throwsAsync(silent.hands.update([]), {
    message: 'pulumi preview --json --save-plan failed with 255',
  })
})

test.serial('a gateway that asks for a credential is not rolled out without one', async t => {
  const auth = (value?: string) => ({
    'pulumi config --json': JSON.stringify(
      value === undefined ? {} : { 'realtime-gateway:gatewayAuth': { value, secret: false } },
    ),
  })
  for (const value of [undefined, '', 'key', 'entra'])
    await t.throwsAsync(handsWith(t, auth(value)).hands.checkCredential(), {
      message: /set the secret GATEWAY_CREDENTIAL of the environment dev .* or the variable GATEWAY_AUDIENCE/,
    })
  await t.notThrowsAsync(handsWith(t, auth('none')).hands.checkCredential())
  await t.notThrowsAsync(handsWith(t, auth('key'), 'secret').hands.checkCredential())
  await t.notThrowsAsync(handsWith(t, auth('entra'), '', 'api://gateway').hands.checkCredential())
})

test.serial('to keep the image is to name the one that runs', async t => {
  const { hands, asked } = handsWith(t)
  await hands.keepImage()
  t.is(asked().map(lineOf).at(-1), 'pulumi config set imageRef a.azurecr.io/b@sha256:0 --stack dev')
})

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

const active = { 'az containerapp revision list': 'app--rblue\napp--rold\napp--rblue2' }

test.serial('what is active, and what the stack lists, is asked of Azure and of Pulumi', async t => {
  const { hands } = handsWith(t, active)
  t.deepEqual(await hands.active(), ['app--rblue', 'app--rold', 'app--rblue2'])
  t.deepEqual(await hands.weights(), [{ revision: 'app--rblue', weight: 100 }])
  t.deepEqual(await handsWith(t, { 'pulumi stack output --json': '{}' }).hands.weights(), [])
})
