/** What wakes someone up: no answer, errors that clients see, replicas that die, drains that were cut off. */
import * as monitor from '@pulumi/azure-native/monitor/index.js'
import type { Input, Resource } from '@pulumi/pulumi'
import type { Availability } from './availability.ts'
import type { Foundation } from './foundation.ts'
import { drainOverrunQuery } from './queries.ts'

export interface AlertSubjects {
  readonly gatewayId: Input<string>
  readonly appId: Input<string>
  readonly workspaceId: Input<string>
  /** Sends the app's log to the workspace: before, the table that a query asks is not there. */
  readonly logs: Resource
  /** Undefined where no one may look from outside. */
  readonly availability: Availability | undefined
}

/** More 5xx answers than this in five minutes alert. */
const serverErrorThreshold = 10
/** More restarts of a replica than this in fifteen minutes alert. */
const restartThreshold = 2
/** As many places of the world as must see the service gone; fewer are their own trouble. */
const lostLocations = 3

/** Creates the alerts, and tells `alertEmail` of them if it is set. */
export function createAlerts(foundation: Foundation, subjects: AlertSubjects): void {
  const { gatewayId, appId, availability } = subjects
  const group = createActionGroup(foundation)
  watchMetric(foundation, group, {
    subject: 'server-errors',
    description: 'Clients were answered with 5xx',
    scope: gatewayId,
    metric: {
      namespace: 'Microsoft.Network/applicationGateways',
      name: 'ResponseStatus',
      aggregation: 'Total',
    },
    dimension: { name: 'HttpStatusGroup', value: '5xx' },
    threshold: serverErrorThreshold,
    windowSize: 'PT5M',
  })
  watchMetric(foundation, group, {
    subject: 'restarts',
    description: 'A replica keeps restarting',
    scope: appId,
    metric: { namespace: 'Microsoft.App/containerApps', name: 'RestartCount', aggregation: 'Maximum' },
    threshold: restartThreshold,
    windowSize: 'PT15M',
  })
  watchDrains(foundation, group, subjects)
  if (availability !== undefined) watchFromOutside(foundation, group, availability)
}

function createActionGroup({
  names,
  settings,
  group,
  tags,
  within,
}: Foundation): monitor.ActionGroup | undefined {
  if (settings.alertEmail === undefined) return undefined
  return new monitor.ActionGroup(
    'alert-receivers',
    {
      actionGroupName: names.alertOf('alerts'),
      resourceGroupName: group,
      location: 'global',
      tags,
      groupShortName: settings.prefix,
      enabled: true,
      emailReceivers: [{ name: 'operators', emailAddress: settings.alertEmail, useCommonAlertSchema: true }],
    },
    within,
  )
}

interface MetricWatch {
  readonly subject: string
  readonly description: string
  readonly scope: Input<string>
  readonly metric: { namespace: string; name: string; aggregation: 'Total' | 'Maximum' }
  readonly dimension?: { name: string; value: string }
  readonly threshold: number
  readonly windowSize: 'PT5M' | 'PT15M'
}

function watchMetric(
  { names, group, within, tags }: Foundation,
  receivers: monitor.ActionGroup | undefined,
  watch: MetricWatch,
): void {
  const { dimension, metric } = watch
  new monitor.MetricAlert(
    `${watch.subject}-alert`,
    {
      ruleName: names.alertOf(watch.subject),
      resourceGroupName: group,
      location: 'global',
      tags,
      description: watch.description,
      enabled: true,
      severity: 2,
      scopes: [watch.scope],
      evaluationFrequency: 'PT1M',
      windowSize: watch.windowSize,
      criteria: {
        odataType: 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria',
        allOf: [
          {
            name: watch.subject,
            criterionType: 'StaticThresholdCriterion',
            metricNamespace: metric.namespace,
            metricName: metric.name,
            timeAggregation: metric.aggregation,
            operator: 'GreaterThan',
            threshold: watch.threshold,
            ...(dimension && {
              dimensions: [{ name: dimension.name, operator: 'Include', values: [dimension.value] }],
            }),
          },
        ],
      },
      ...(receivers && { actions: [{ actionGroupId: receivers.id }] }),
    },
    within,
  )
}

function watchFromOutside(
  { names, group, within, tags }: Foundation,
  receivers: monitor.ActionGroup | undefined,
  { testId, componentId }: Availability,
): void {
  new monitor.MetricAlert(
    'unreachable-alert',
    {
      ruleName: names.alertOf('unreachable'),
      resourceGroupName: group,
      location: 'global',
      tags,
      description: 'The gateway does not answer from the Internet, or its certificate is about to end',
      enabled: true,
      severity: 1,
      scopes: [testId, componentId],
      evaluationFrequency: 'PT5M',
      // As long as the test takes to come round.
      windowSize: 'PT15M',
      criteria: {
        odataType: 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria',
        webTestId: testId,
        componentId,
        failedLocationCount: lostLocations,
      },
      ...(receivers && { actions: [{ actionGroupId: receivers.id }] }),
    },
    within,
  )
}

function watchDrains(
  { names, settings, group, within, tags }: Foundation,
  receivers: monitor.ActionGroup | undefined,
  { workspaceId, logs }: AlertSubjects,
): void {
  new monitor.ScheduledQueryRule(
    'drain-overruns-alert',
    {
      ruleName: names.alertOf('drain-overruns'),
      resourceGroupName: group,
      location: settings.location,
      tags,
      kind: 'LogAlert',
      description: 'A replica went with sockets still open, or was killed before its drain was done',
      enabled: true,
      severity: 2,
      // A table of the log is there once something was logged, hours after the first update at worst.
      skipQueryValidation: true,
      scopes: [workspaceId],
      evaluationFrequency: 'PT15M',
      windowSize: 'PT30M',
      criteria: {
        allOf: [
          {
            query: drainOverrunQuery(names.app, settings.terminationGracePeriodSeconds),
            timeAggregation: 'Count',
            operator: 'GreaterThan',
            threshold: 0,
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 },
          },
        ],
      },
      ...(receivers && { actions: { actionGroups: [receivers.id] } }),
    },
    { ...within, dependsOn: logs },
  )
}
