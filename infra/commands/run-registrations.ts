/** `npm run azure:github -- OWNER/REPO [STACK …]`: lets the workflows of a repository deploy and preview. */
import { askCommand, jsonOf } from './azure-cli.ts'
import { defaults, nameStateAccount } from './bootstrap.ts'
import { register } from './registrations.ts'

const [repository = '', ...stacks] = process.argv.slice(2)
if (!/^[\w.-]+\/[\w.-]+$/.test(repository))
  throw new Error('Name the repository: npm run azure:github -- OWNER/REPO')
const account = jsonOf<{ id: string; tenantId: string }>(
  askCommand(['az', 'account', 'show', '--output', 'json']),
)
if (account === undefined) throw new Error('az is not signed in: az login')
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
