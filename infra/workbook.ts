/** A page in the portal: sessions, refusals, latency and drains, from the logs that are there. */
import { createHash } from 'node:crypto'
import * as applicationinsights from '@pulumi/azure-native/applicationinsights/index.js'
import type { Input } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import { activityQuery, drainOverrunQuery, drainQuery, loadQuery, platformQuery } from './queries.ts'

interface Chart {
  readonly title: string
  readonly query: string
  readonly visualization: 'timechart' | 'table'
}

/** Parameter of the page, which every query is bounded by. */
const timeRange = 'TimeRange'
const dayMs = 86_400_000

/** Creates the workbook, which the resource group shows under Workbooks. */
export function createWorkbook(
  { names, settings, group, within, tags }: Foundation,
  workspaceId: Input<string>,
): void {
  new applicationinsights.Workbook(
    'workbook',
    {
      resourceName: guidOf(names.workbook),
      resourceGroupName: group,
      location: settings.location,
      tags,
      kind: 'shared',
      category: 'workbook',
      displayName: `Realtime gateway ${settings.stack}`,
      sourceId: workspaceId,
      serializedData: JSON.stringify(describePage(names.app, settings.terminationGracePeriodSeconds)),
    },
    within,
  )
}

/** Lays the page out, in the format of Azure Workbooks (github.com/microsoft/Application-Insights-Workbooks). */
export function describePage(app: string, graceSec: number) {
  const activity = activityQuery(app)
  const columns = (...shown: readonly string[]) =>
    `${activity}\n| project TimeGenerated, RevisionName, ${shown.join(', ')}`
  const replica = (shown: string) =>
    `${loadQuery(app)}\n| project TimeGenerated, ContainerGroupName, ${shown}`
  const charts: Chart[] = [
    { title: 'Sessions that came and went', query: columns('opened', 'closed'), visualization: 'timechart' },
    {
      title: 'Refused, limited, retried upstream',
      query: columns('refused', 'limited', 'retried'),
      visualization: 'timechart',
    },
    {
      title: 'Time to reach the model, 95th percentile (ms)',
      query: columns('dialMs95'),
      visualization: 'timechart',
    },
    { title: 'Sessions of each replica', query: replica('sessions'), visualization: 'timechart' },
    {
      title: 'Event-loop delay of each replica, 99th percentile (ms)',
      query: replica('loopDelayMs99'),
      visualization: 'timechart',
    },
    { title: 'Drains', query: drainQuery(app), visualization: 'table' },
    { title: 'Drains that were cut off', query: drainOverrunQuery(app, graceSec), visualization: 'table' },
    { title: 'What the platform did', query: platformQuery(app), visualization: 'table' },
  ]
  return {
    version: 'Notebook/1.0',
    items: [describeTimeRange(), ...charts.map(describeChart)],
    fallbackResourceIds: [],
  }
}

function describeTimeRange() {
  return {
    type: 9,
    name: 'parameters',
    content: {
      version: 'KqlParameterItem/1.0',
      style: 'pills',
      queryType: 0,
      parameters: [
        {
          id: guidOf(timeRange),
          version: 'KqlParameterItem/1.0',
          name: timeRange,
          type: 4,
          isRequired: true,
          value: { durationMs: dayMs },
          typeSettings: {
            selectableValues: [1, 6, 24, 168].map(hours => ({ durationMs: hours * 3_600_000 })),
          },
        },
      ],
    },
  }
}

function describeChart({ title, query, visualization }: Chart, index: number) {
  return {
    type: 3,
    name: `query-${index + 1}`,
    content: {
      version: 'KqlItem/1.0',
      title,
      query,
      size: 0,
      queryType: 0,
      resourceType: 'microsoft.operationalinsights/workspaces',
      timeContextFromParameter: timeRange,
      visualization,
    },
  }
}

/** A workbook's name is a GUID: one that is the same on every run (the layout of RFC 9562 version 8). */
function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
