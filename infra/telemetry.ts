/** Where logs and metrics go. */
import * as monitor from '@pulumi/azure-native/monitor/index.js'
import * as operationalinsights from '@pulumi/azure-native/operationalinsights/index.js'
import type { Input, Output } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'

export interface Telemetry {
  readonly workspaceId: Output<string>
  /**
   * Sends all logs and metrics of a resource to the workspace. Where a resource has the choice, `Dedicated`
   * gives a table for each kind of log; where it has none, Azure forgets the wish, which then shows as a
   * change on every run.
   */
  readonly collect: (subject: string, resourceUri: Input<string>, tables?: 'Dedicated') => void
}

const retentionDays = 30

/** Creates the workspace. */
export function createTelemetry({ names, settings, group }: Ground): Telemetry {
  const workspace = new operationalinsights.Workspace('workspace', {
    workspaceName: names.workspace,
    resourceGroupName: group,
    location: settings.location,
    sku: { name: 'PerGB2018' },
    retentionInDays: retentionDays,
  })
  return {
    workspaceId: workspace.id,
    collect: (subject, resourceUri, tables) => {
      new monitor.DiagnosticSetting(`${subject}-diagnostics`, {
        name: 'to-workspace',
        resourceUri,
        workspaceId: workspace.id,
        ...(tables && { logAnalyticsDestinationType: tables }),
        logs: [{ categoryGroup: 'allLogs', enabled: true }],
        metrics: [{ category: 'AllMetrics', enabled: true }],
      })
    },
  }
}
