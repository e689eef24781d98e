/** Where logs and metrics go. */
import * as monitor from '@pulumi/azure-native/monitor/index.js'
import * as operationalinsights from '@pulumi/azure-native/operationalinsights/index.js'
import { type Input, type Output, output, type Resource } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Network } from './network.ts'
import { connectPrivately, createZones } from './private-name.ts'

export interface Telemetry {
  readonly workspaceId: Output<string>
  /** Name of the private link scope of a workspace that is made here in a private network. */
  readonly scope: Output<string> | undefined
  /**
   * Sends all logs and metrics of a resource to the workspace. Where a resource has the choice, `Dedicated`
   * gives a table for each kind of log; where it has none, Azure forgets the wish, which then shows as a
   * change on every run.
   */
  readonly collect: (subject: string, resourceUri: Input<string>, tables?: 'Dedicated') => Resource
}

const retentionDays = 30

/** Names under which the parts of Azure Monitor are reached (learn.microsoft.com, azure-monitor/logs/private-link-configure). */
const monitorZones = [
  'privatelink.monitor.azure.com',
  'privatelink.oms.opinsights.azure.com',
  'privatelink.ods.opinsights.azure.com',
  'privatelink.agentsvc.azure-automation.net',
  'privatelink.blob.core.windows.net',
]

/** Creates the workspace, or names the existing one. */
export function createTelemetry(foundation: Foundation, network: Network): Telemetry {
  const { settings } = foundation
  const { workspaceId, scope } =
    settings.logWorkspaceId === undefined
      ? createWorkspace(foundation, network)
      : { workspaceId: output(settings.logWorkspaceId), scope: undefined }
  return {
    workspaceId,
    scope,
    // Not deleted with the group: a setting outlives its resource, and would meet the next one of the same name
    // (learn.microsoft.com, azure-monitor/platform/diagnostic-settings).
    collect: (subject, resourceUri, tables) =>
      new monitor.DiagnosticSetting(`${subject}-diagnostics`, {
        name: 'to-workspace',
        resourceUri,
        workspaceId,
        ...(tables && { logAnalyticsDestinationType: tables }),
        logs: [{ categoryGroup: 'allLogs', enabled: true }],
        metrics: [{ category: 'AllMetrics', enabled: true }],
      }),
  }
}

function createWorkspace(foundation: Foundation, network: Network): Pick<Telemetry, 'workspaceId' | 'scope'> {
  const { names, settings, group, within, tags } = foundation
  const isPrivate = settings.network === 'private'
  const workspace = new operationalinsights.Workspace(
    'workspace',
    {
      workspaceName: names.workspace,
      resourceGroupName: group,
      location: settings.location,
      tags,
      sku: { name: 'PerGB2018' },
      retentionInDays: retentionDays,
      ...(settings.logDailyQuotaGb > 0 && { workspaceCapping: { dailyQuotaGb: settings.logDailyQuotaGb } }),
      ...(isPrivate && {
        publicNetworkAccessForIngestion: 'Disabled',
        publicNetworkAccessForQuery: 'Disabled',
      }),
    },
    within,
  )
  const scope = isPrivate ? closeLogs(foundation, network, workspace) : undefined
  return { workspaceId: workspace.id, scope }
}

/**
 * Logs of the platform's own come in all the same; who asks the workspace must be in the network.
 * @returns the name of the scope by which it is reached
 */
function closeLogs(
  foundation: Foundation,
  network: Network,
  workspace: operationalinsights.Workspace,
): Output<string> {
  const { names, group, within, tags } = foundation
  const scope = new monitor.PrivateLinkScope(
    'logs-scope',
    {
      scopeName: names.logsScope,
      resourceGroupName: group,
      location: 'global',
      tags,
      accessModeSettings: { ingestionAccessMode: 'PrivateOnly', queryAccessMode: 'PrivateOnly' },
    },
    within,
  )
  const scoped = new monitor.PrivateLinkScopedResource(
    'logs-in-scope',
    {
      name: 'workspace',
      scopeName: scope.name,
      resourceGroupName: group,
      linkedResourceId: workspace.id,
    },
    within,
  )
  connectPrivately(foundation, {
    subject: 'logs',
    service: scope.id,
    part: 'azuremonitor',
    zones: createZones(foundation, 'logs', monitorZones, network),
    network,
    after: [scoped],
  })
  return scope.name
}
