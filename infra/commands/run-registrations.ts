/** `npm run azure:github -- OWNER/REPO [STACK …]`. */
import { askCommand, jsonOf } from './azure-cli.ts'
import { defaults, nameStateAccount } from './bootstrap.ts'
import { runCommand, UsageError } from './command.ts'
import { register } from './registrations.ts'

const help = `npm run azure:github -- OWNER/REPO [STACK …]

Lets the workflows of a GitHub repository deploy and preview stacks (dev), by federated sign-in without a secret.
Needs az and gh, signed in.`

await runCommand(help, ([repository = '', ...stacks]) => {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new UsageError('Name the repository as OWNER/REPO')
  const strange = stacks.find(stack => !/^[a-z][a-z0-9]{1,11}$/.test(stack))
  if (strange !== undefined) throw new UsageError(`"${strange}" cannot be the name of a stack`)
  const shown = askCommand(['az', 'account', 'show', '--output', 'json'])
  const account = jsonOf<{ id: string; tenantId: string }>(shown)
  if (account === undefined) throw new Error(shown.isAbsent ? shown.text : 'az is not signed in: az login')
  const { id: subscriptionId, tenantId } = account
  const state = `/subscriptions/${subscriptionId}/resourceGroups/${defaults.group}/providers/Microsoft.Storage/storageAccounts/${nameStateAccount(subscriptionId)}`
  register(
    {
      repository,
      subscriptionId,
      tenantId,
      stateAccountId: state,
      stacks: stacks.length > 0 ? stacks : ['dev'],
    },
    askCommand,
    line => console.log(line),
  )
})
