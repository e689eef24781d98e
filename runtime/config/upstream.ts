/** The settings of upstream: where it is, and how the gateway proves itself there. A part of `config.ts`. */

import type { EntraSettings, UpstreamConfig } from '../upstream/endpoints.ts'
import type { ProxySettings } from '../upstream/proxy.ts'
import { azureTarget, openaiTarget } from '../upstream/target.ts'
import type { Environment } from './environment.ts'
import { describeFault, readAddress, splitList } from './variable.ts'

/** Reads where upstream is. @param faults takes a sentence for each fault */
export function readUpstream(env: Environment, faults: string[]): UpstreamConfig {
  if (env.AZURE_OPENAI_ENDPOINT !== undefined) return readAzure(env, env.AZURE_OPENAI_ENDPOINT, faults)
  const none = { fallbackTargets: [], fallbackKeys: [], entra: null } as const
  if (env.OPENAI_API_KEY === undefined) return { ...none, target: null, apiKey: '' }
  const baseUrl = readAddress(env.OPENAI_BASE_URL, 'OPENAI_BASE_URL', faults)
  const models = readNameList(env.OPENAI_REALTIME_MODEL, 'OPENAI_REALTIME_MODEL', faults)
  checkKey(env.OPENAI_API_KEY, 'OPENAI_API_KEY', faults)
  return { ...none, target: openaiTarget(baseUrl, models), apiKey: env.OPENAI_API_KEY }
}

function readAzure(env: Environment, endpoints: string, faults: string[]): UpstreamConfig {
  const named = env.AZURE_OPENAI_DEPLOYMENT_NAME
  const list = named === undefined ? env.AZURE_OPENAI_DEPLOYMENT : splitList(named)
  const deployments = readNameList(list, 'AZURE_OPENAI_DEPLOYMENT_NAME', faults)
  const targets = readNameList(splitList(endpoints), 'AZURE_OPENAI_ENDPOINT', faults).map(endpoint =>
    azureTarget(
      readAddress(endpoint, 'AZURE_OPENAI_ENDPOINT', faults),
      deployments,
      env.AZURE_OPENAI_API_VERSION,
    ),
  )
  const [target = null, ...fallbackTargets] = targets
  if (fallbackTargets.some(other => other.dialect !== target?.dialect)) {
    faults.push('AZURE_OPENAI_ENDPOINT: mixes preview and GA addresses; allowed are several of one kind')
  }
  const entra = readEntra(env)
  const [apiKey = '', ...fallbackKeys] =
    entra === null ? readKeys(env.AZURE_OPENAI_API_KEY ?? '', targets.length, faults) : []
  return { target, fallbackTargets, apiKey, fallbackKeys, entra }
}

function readEntra(env: Environment): EntraSettings | null {
  const { AZURE_OPENAI_AUTH: auth, AZURE_OPENAI_API_KEY: key } = env
  if (auth === 'key' || (auth === 'auto' && key !== undefined)) return null
  const identity =
    env.IDENTITY_ENDPOINT !== undefined
      ? 'managed'
      : env.AZURE_FEDERATED_TOKEN_FILE !== undefined
        ? 'workload'
        : 'default'
  return { scope: env.AZURE_OPENAI_SCOPE, clientId: env.AZURE_CLIENT_ID, identity }
}

function readKeys(text: string, endpoints: number, faults: string[]): readonly string[] {
  const keys = endpoints > 1 ? splitList(text) : [text].filter(key => key !== '')
  if (keys.length === 0) faults.push('AZURE_OPENAI_API_KEY: is unset; AZURE_OPENAI_AUTH=key needs it')
  else if (keys.length !== endpoints)
    faults.push(
      `AZURE_OPENAI_API_KEY: has ${keys.length} keys; allowed is one for each of ${endpoints} endpoints`,
    )
  for (const key of keys) checkKey(key, 'AZURE_OPENAI_API_KEY', faults)
  return keys
}

/** Reads through which proxy upstream is reached. @param faults takes a sentence for each fault */
export function readProxy(env: Environment, faults: string[]): ProxySettings | null {
  if (env.HTTPS_PROXY === undefined || env.HTTPS_PROXY === '') return null
  const url = URL.parse(env.HTTPS_PROXY)
  if (url?.protocol === 'http:' || url?.protocol === 'https:')
    return { url, except: splitList(env.NO_PROXY ?? '') }
  faults.push(describeFault('HTTPS_PROXY', env.HTTPS_PROXY))
  return null
}

/** A key goes into a header, which carries no line break: the first dial would fail, in a way nobody could read. */
function checkKey(key: string, variable: string, faults: string[]): void {
  if (!/^[\x21-\x7e]+$/.test(key)) faults.push(describeFault(variable, key))
}

/** @returns at least one name; an empty one when faulty */
export function readNameList(
  list: readonly string[],
  variable: string,
  faults: string[],
): [string, ...string[]] {
  const [first, ...rest] = list.filter(name => name !== '')
  if (first === undefined) faults.push(`${variable}: is an empty list; allowed is at least one name`)
  return [first ?? '', ...rest]
}
