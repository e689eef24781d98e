/**
 * Whether the service is there, seen from the other side of the world: DNS, the public address, TLS and its
 * certificate, which no log of the service's own can tell. Application Insights asks and remembers. Spans and metrics of
 * the process go to a component of their own (tracing.ts), by its own exporter: Container Apps' OpenTelemetry agent takes
 * no metrics to it, and needs local authentication (learn.microsoft.com, container-apps/opentelemetry-agents).
 */
import * as applicationinsights from '@pulumi/azure-native/applicationinsights/index.js'
import type { Input, Output } from '@pulumi/pulumi'
import { paths } from '../runtime/core/contract.ts'
import type { Foundation } from './foundation.ts'
import { createInsights } from './insights.ts'

export interface Availability {
  readonly testId: Output<string>
  readonly componentId: Output<string>
}

/** West Europe, North Europe, East US, West US, Southeast Asia: the least number that Azure advises is five. */
const locations = ['emea-nl-ams-azr', 'emea-gb-db3-azr', 'us-va-ash-azr', 'us-ca-sjc-azr', 'apac-sg-sin-azr']
/** Azure charges each look: five every quarter of an hour are 14,600 a month. The metrics watch the minutes. */
const everySec = 900
const timeoutSec = 30
/** A certificate that ends sooner fails the test, so that a renewal that stopped is seen in time. */
const certificateDays = 14

/** Creates the test and what remembers its results; nothing where the security group keeps the testers out. */
export function createAvailability(
  foundation: Foundation,
  { publicUrl, workspaceId }: { publicUrl: string; workspaceId: Input<string> },
): Availability | undefined {
  const { names, settings, group, within, tags } = foundation
  // Five places ask every quarter of an hour: an app that may have no replica would never be without one.
  if (!settings.clientRanges.includes('Internet') || settings.minReplicas === 0) return undefined
  const component = createInsights(foundation, 'insights', { resourceName: names.insights, workspaceId })
  const overTls = publicUrl.startsWith('https:')
  const test = new applicationinsights.WebTest(
    'availability',
    {
      webTestName: names.availabilityTest,
      syntheticMonitorId: names.availabilityTest,
      resourceGroupName: group,
      location: settings.location,
      // By this tag the component finds its tests.
      tags: component.id.apply(id => ({ ...tags, [`hidden-link:${id}`]: 'Resource' })),
      kind: 'standard',
      webTestKind: 'standard',
      description: 'The gateway answers from the Internet',
      enabled: true,
      frequency: everySec,
      timeout: timeoutSec,
      retryEnabled: true,
      locations: locations.map(location => ({ location })),
      request: { requestUrl: `${publicUrl}${paths.health}`, httpVerb: 'GET', parseDependentRequests: false },
      validationRules: {
        expectedHttpStatusCode: 200,
        sSLCheck: overTls,
        ...(overTls && { sSLCertRemainingLifetimeCheck: certificateDays }),
      },
    },
    within,
  )
  return { testId: test.id, componentId: component.id }
}
