/** Application Insights components, whose data is in the stack's Log Analytics workspace. */
import * as applicationinsights from '@pulumi/azure-native/applicationinsights/index.js'
import type { Input } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'

/** Creates a component. @param limits what it refuses to take or show (default: nothing) */
export function createInsights(
  { settings, group, within, tags }: Foundation,
  name: string,
  { resourceName, workspaceId }: { resourceName: string; workspaceId: Input<string> },
  limits: Partial<applicationinsights.ComponentArgs> = {},
): applicationinsights.Component {
  return new applicationinsights.Component(
    name,
    {
      resourceName,
      resourceGroupName: group,
      location: settings.location,
      tags,
      kind: 'web',
      applicationType: 'web',
      ingestionMode: 'LogAnalytics',
      workspaceResourceId: workspaceId,
      ...limits,
    },
    within,
  )
}
