/** The provider `azure-native`, over an account in a file. */
import type * as provider from '@pulumi/pulumi/provider/index.js'
import { type Inputs, kindOf, subscriptionId, tenantId } from '../resource-answers.ts'
import { shapes } from '../shapes.ts'
import { Account } from './account.ts'
import { hasUnknown, isSame, reveal } from './wire.ts'

const typeOf = (urn: string) => urn.split('::')[2]?.split('$').at(-1) ?? ''

/** Inputs that make another resource, by the ends of their names: Azure cannot rename or move anything. */
const replacing =
  /^(resourceGroupName|location|scope|principalId|roleDefinitionId|resourceUri|.*Name|vnetConfiguration|kind|clusteringPolicy)$/
/** Named by a setting and changed in place all the same. */
const inPlace = new Set(['workloadProfileName', 'groupShortName'])

/** Makes the provider. @param file holds the account */
export function azureProvider(file: string): provider.Provider {
  const account = new Account(file)
  return {
    version: '3.28.0',
    check: async (urn, _olds, news) => {
      const kind = kindOf(typeOf(urn))
      const failures = hasUnknown(news) ? [] : failuresOf(kind, news as Inputs)
      return { inputs: news, failures }
    },
    diff: async (_id, _urn, olds, news) => {
      const before = (olds as { __inputs: Inputs }).__inputs
      const changed = [...new Set([...Object.keys(before), ...Object.keys(news as Inputs)])].filter(
        key => !isSame(before[key], (news as Inputs)[key]),
      )
      const replaces = changed.filter(key => replacing.test(key) && !inPlace.has(key))
      return { changes: changed.length > 0, replaces, deleteBeforeReplace: true }
    },
    create: async (urn, inputs) => {
      const { id, outputs } = await account.create(typeOf(urn), inputs as Inputs)
      return { id, outs: { ...inputs, ...outputs, __inputs: inputs } }
    },
    update: async (id, urn, _olds, news) => {
      const outputs = await account.update(typeOf(urn), id, news as Inputs)
      return { outs: { ...news, ...outputs, __inputs: news } }
    },
    read: async id => {
      const kept = account.read(id)
      if (kept === undefined) return { id: '', props: {} }
      return { id, props: { ...kept.inputs, ...kept.outputs, __inputs: kept.inputs }, inputs: kept.inputs }
    },
    delete: async (id, urn) => account.delete(typeOf(urn), id),
    invoke: async (token, args) => ({ outputs: answer(account, token, args as Inputs) }),
  }
}

function failuresOf(kind: string, inputs: Inputs): provider.CheckFailure[] {
  const checked = shapes[kind]?.safeParse(reveal(inputs, 'hide'))
  return (checked?.error?.issues ?? []).map(({ path, message }) => ({
    property: path.join('.'),
    reason: message,
  }))
}

function answer(account: Account, token: string, args: Inputs): Inputs {
  switch (token.replace('azure-native:', '')) {
    case 'authorization:getClientConfig':
      return { subscriptionId, tenantId, clientId: 'deployer', objectId: 'deployer' }
    case 'authorization:getClientToken':
      return { token: 'azure-token' }
    case 'cognitiveservices:listAccountKeys':
      return account.keysOf(String(args.accountName))
    case 'redisenterprise:listDatabaseKeys':
      return account.redisKeysOf(String(args.clusterName))
    default:
      throw new Error(`${token}: the stand-in has no answer`)
  }
}
