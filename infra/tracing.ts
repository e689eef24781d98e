/**
 * Where spans and metrics of the gateway go: an Application Insights component beside the one that watches from outside.
 * It takes what the app's identity sends, and nothing that shows the key of the connection string alone; of the testers
 * of availability it is not known whether they could send to such a one.
 */
import * as monitor from '@pulumi/azure-native/monitor/index.js'
import { type Input, interpolate, type Output, type Resource } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Identity } from './identity.ts'
import { createInsights } from './insights.ts'
import { grant } from './roles.ts'

export interface Tracing {
  /** No secret: its key opens nothing here, and is none anywhere (learn.microsoft.com, container-apps/opentelemetry-agents). */
  readonly connectionString: Output<string>
  /** How the gateway authenticates, as `APPLICATIONINSIGHTS_AUTHENTICATION_STRING` takes it. */
  readonly authentication: Output<string>
  /** What must exist before the first span can be sent. */
  readonly ready: Resource[]
}

export interface TracingParts {
  readonly app: Identity
  readonly workspaceId: Input<string>
  /** Name of the private link scope that the workspace is reached by; undefined where the stack has none. */
  readonly scope: Output<string> | undefined
}

/** Creates the component, and lets the app send to it; nothing where the stack has tracing off. */
export function createTracing(
  foundation: Foundation,
  { app, workspaceId, scope }: TracingParts,
): Tracing | undefined {
  const { names, settings, group, within } = foundation
  if (settings.tracing === 'off') return undefined
  const component = createInsights(
    foundation,
    'traces',
    { resourceName: names.traces, workspaceId },
    {
      disableLocalAuth: true,
      ...(scope && {
        publicNetworkAccessForIngestion: 'Disabled',
        publicNetworkAccessForQuery: 'Disabled',
      }),
    },
  )
  const scoped = scope && [
    new monitor.PrivateLinkScopedResource(
      'traces-in-scope',
      { name: 'traces', scopeName: scope, resourceGroupName: group, linkedResourceId: component.id },
      within,
    ),
  ]
  const maySend = grant(foundation, 'app-may-send-telemetry', {
    role: 'monitoringMetricsPublisher',
    to: app.principalId,
    on: component.id,
  })
  return {
    connectionString: component.connectionString,
    authentication: interpolate`Authorization=AAD;ClientId=${app.clientId}`,
    ready: [maySend, ...(scoped ?? [])],
  }
}
