/** The keys of clients: the configuration's, or one that is made for a stack that would be open to the world. */
import { type Input, interpolate, type Output } from '@pulumi/pulumi'
import { RandomPassword } from '@pulumi/random'
import type { Settings } from './settings.ts'

export interface GatewayKeys {
  /** As the gateway takes them: `name:secret`, separated by commas; undefined where no key is taken. */
  readonly value: Input<string> | undefined
  /** The secret of the key that was made; undefined where none was. */
  readonly generated: Output<string> | undefined
}

const keyLength = 40
/** Whose key the made one is, in logs and limits. */
const owner = 'deployer'

/** Takes the configured keys, or makes one; the state keeps it. */
export function provideGatewayKeys(settings: Settings): GatewayKeys {
  if (!settings.generatesKey) return { value: settings.gatewayApiKeys, generated: undefined }
  const { result } = new RandomPassword('gateway-key', { length: keyLength, special: false })
  return { value: interpolate`${owner}:${result}`, generated: result }
}
