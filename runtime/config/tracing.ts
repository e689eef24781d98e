/** The settings of tracing: where spans and metrics go. A part of `config.ts`. */
import type { TracingSettings } from '../observability/tracing/tracing.ts'
import type { Environment } from './environment.ts'
import { describeFault, readAddress, splitList } from './variable.ts'

/** Reads the settings. @param faults takes a sentence for each fault @returns null where tracing is off */
export function readTracing(env: Environment, faults: string[]): TracingSettings | null {
  const otlp = readOtlp(env, faults)
  const azure = readAzure(env, faults)
  if (otlp === null && azure === null) {
    if (env.TRACE_CONTENT)
      faults.push(
        'TRACE_CONTENT: is set, but tracing is off; set OTEL_EXPORTER_OTLP_ENDPOINT or APPLICATIONINSIGHTS_CONNECTION_STRING',
      )
    return null
  }
  return {
    otlp,
    azure,
    serviceName: env.OTEL_SERVICE_NAME,
    revision: env.CONTAINER_APP_REVISION,
    replica: env.CONTAINER_APP_REPLICA_NAME,
    content: env.TRACE_CONTENT,
  }
}

function readOtlp(env: Environment, faults: string[]): TracingSettings['otlp'] {
  if (env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return null
  const endpoint = readEndpoint(env.OTEL_EXPORTER_OTLP_ENDPOINT, faults)
  return { endpoint, headers: readHeaders(env.OTEL_EXPORTER_OTLP_HEADERS, faults) }
}

/** A collector is a neighbour: `http:` is taken, unless credentials would travel by it. */
function readEndpoint(text: string, faults: string[]): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  faults.push(describeFault('OTEL_EXPORTER_OTLP_ENDPOINT', text))
  return new URL('https://invalid.example')
}

/** Pairs as OpenTelemetry writes them: `name=value`, percent-encoded, separated by commas. */
function readHeaders(text: string | undefined, faults: string[]): Record<string, string> {
  const pairs = splitList(text ?? '').map((pair, index) => {
    const equals = pair.indexOf('=')
    if (equals < 1) faults.push(`OTEL_EXPORTER_OTLP_HEADERS: pair ${index + 1} is not name=value`)
    return [pair.slice(0, Math.max(0, equals)).trim(), decode(pair.slice(equals + 1).trim())] as const
  })
  return Object.fromEntries(pairs)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const authenticationPattern = /^Authorization=AAD(?:;ClientId=([0-9a-f-]{36}))?$/i

function readAzure(env: Environment, faults: string[]): TracingSettings['azure'] {
  const connectionString = env.APPLICATIONINSIGHTS_CONNECTION_STRING
  const authentication = env.APPLICATIONINSIGHTS_AUTHENTICATION_STRING
  const [found, clientId] = authenticationPattern.exec(authentication ?? '') ?? []
  if (authentication !== undefined && found === undefined)
    faults.push(describeFault('APPLICATIONINSIGHTS_AUTHENTICATION_STRING', authentication))
  if (connectionString === undefined) {
    if (authentication !== undefined)
      faults.push(
        'APPLICATIONINSIGHTS_CONNECTION_STRING: is unset; APPLICATIONINSIGHTS_AUTHENTICATION_STRING needs it',
      )
    return null
  }
  const endpoint = /(?:^|;)IngestionEndpoint=([^;]+)/i.exec(connectionString)?.[1]
  if (!/(?:^|;)InstrumentationKey=/i.test(connectionString))
    faults.push('APPLICATIONINSIGHTS_CONNECTION_STRING: has no InstrumentationKey')
  if (endpoint !== undefined) readAddress(endpoint, 'APPLICATIONINSIGHTS_CONNECTION_STRING', faults)
  return { connectionString, entra: found === undefined ? null : { clientId } }
}
