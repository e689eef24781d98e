/** Words about environment variables: what is wrong with one, and values that several settings share. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { closestOf } from '../core/closest.ts'
import { environment, type VariableMeta } from './environment.ts'

/** Says what a variable may be, from its schema. */
export function variableMeta(name: string): VariableMeta | undefined {
  const schema: z.ZodType | undefined = environment.shape[name as keyof typeof environment.shape]
  return schema?.meta() as VariableMeta | undefined
}

/** No credential is as short: Azure's keys have 32 characters and more, a key of the gateway has 16 at least. */
const longestShownValue = 15

/**
 * Says what is wrong with a value. A long one is told by its shape: a secret may stand in the wrong variable.
 */
export function describeFault(name: string, value: string): string {
  const meta = variableMeta(name)
  const isShown = meta?.secret !== true && value.length <= longestShownValue
  const shape =
    value !== '' && Number.isFinite(Number(value))
      ? `the number ${value}`
      : isShown
        ? JSON.stringify(value)
        : `a text of ${value.length} characters`
  return `${name}: is ${shape}; allowed is ${meta?.allowed ?? 'something else'}`
}

/**
 * Finds the names that look like settings and are none. A setting that stays unset because of a slip, such as
 * GATEWAY_API_KEY, would leave a gateway more open than its operator thinks, so a slip stops the start.
 * @param variables all that have a value
 * @param faults takes a sentence for each name that can only be a slip
 * @returns a sentence for each name that may be another program's
 */
export function misspelled(variables: readonly string[], faults: string[]): string[] {
  const settings = Object.keys(environment.shape)
  const warnings: string[] = []
  for (const name of variables) {
    if (settings.includes(name) || name.length < shortestMisspelled || ofOthers.includes(name)) continue
    const meant = closestOf(name, settings)
    if (meant === null) continue
    const isCertain = !variables.includes(meant) && !sharedSettings.test(meant)
    if (isCertain) faults.push(`${name}: is no setting; did you mean ${meant}?`)
    else warnings.push(`${name} is no setting; did you mean ${meant}?`)
  }
  return warnings
}

/** Names that are near to settings, and read by OpenSSL, Node, curl and others. */
const ofOthers: readonly string[] = ['SSL_CERT_FILE', 'SSL_KEY_FILE', 'HTTP_PROXY']

/** Settings that other programs read too, or whose names are common words: what is near may be another program's. */
const sharedSettings =
  /^(OPENAI_(API_KEY|BASE_URL)|AZURE_(?!OPENAI_)\w+|IDENTITY_ENDPOINT|HTTPS_PROXY|NO_PROXY|OTEL_\w+|APPLICATIONINSIGHTS_\w+|REDIS_\w+|TLS_\w+|LOG_LEVEL|OPERATORS)$/

/** Shorter names differ by one letter though they mean other things. */
const shortestMisspelled = 8

/** Reads a file that a setting names. @returns null when faulty @param faults takes a sentence that names the setting */
export function readNamedFile(path: string, variable: string, faults: string[]): Buffer | null {
  try {
    return readFileSync(path)
  } catch (fault) {
    faults.push(`${variable}: "${path}" cannot be read (${(fault as NodeJS.ErrnoException).code})`)
    return null
  }
}

/** Splits at commas; empty parts are left out. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

/**
 * Reads an address: `https:` anywhere, `http:` on loopback only, as a key must not travel in the clear. Addresses are
 * logged, and shown to clients, so that none may hold a password.
 * @returns a stand-in when faulty
 */
export function readAddress(text: string, variable: string, faults: string[]): URL {
  const url = URL.parse(text.replace(/^ws(s?):/i, 'http$1:'))
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
  if (isSafe && url.username === '' && url.password === '') return url
  faults.push(
    isSafe
      ? `${variable}: has a user or a password before the host; leave them out`
      : describeFault(variable, text),
  )
  return new URL('https://invalid.example')
}

/** Whether a host name can only mean this machine (RFC 6761 section 6.3, RFC 5735 section 3). */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '::1' ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  )
}
