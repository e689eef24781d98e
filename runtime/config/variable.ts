/** Words about environment variables: what is wrong with one, and values that several settings share. */
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
 * Finds the names that look like settings and are none.
 * @param names of all variables that are set
 * @returns a sentence for each, with the setting that was meant
 */
export function misspelled(names: readonly string[]): string[] {
  const settings = Object.keys(environment.shape)
  return names
    .filter(name => !settings.includes(name) && name.length >= shortestMisspelled && name !== ofOpenSsl)
    .flatMap(name => {
      const meant = closestOf(name, settings)
      return meant === null ? [] : [`${name} is no setting; did you mean ${meant}?`]
    })
}

/** Read by OpenSSL and Node; two letters away from TLS_CERT_FILE. */
const ofOpenSsl = 'SSL_CERT_FILE'

/** Shorter names differ by one letter though they mean other things. */
const shortestMisspelled = 8

/** Splits at commas; empty parts are left out. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

/** `https:` anywhere, `http:` on loopback only: a key must not travel in the clear. @returns a stand-in when faulty */
export function readAddress(text: string, variable: string, faults: string[]): URL {
  const url = URL.parse(text.replace(/^ws(s?):/i, 'http$1:'))
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  faults.push(describeFault(variable, text))
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
