/** `node plugin.ts PACKAGE ADDRESS`: serves a stand-in provider to the engine, which starts it as a plugin. */
import { main, type Provider } from '@pulumi/pulumi/provider/index.js'
import { azureProvider } from './azure-provider.ts'
import { dockerProvider, randomProvider } from './other-providers.ts'

const [name = '', ...args] = process.argv.slice(2)
const { STAND_IN_ACCOUNT = '', STAND_IN_DIGEST = '' } = process.env

const makers: Readonly<Record<string, () => Provider>> = {
  'azure-native': () => azureProvider(STAND_IN_ACCOUNT),
  'docker-build': () => dockerProvider(STAND_IN_DIGEST),
  random: randomProvider,
}

const make = makers[name]
if (make === undefined) throw new Error(`${name}: there is no stand-in`)
await main(make(), args)
