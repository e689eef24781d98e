/** Says at a preview, and again at an update, whether the region has the models and the quota that the stack asks for. */
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as pulumi from '@pulumi/pulumi'
import { judgeModel, readRegion } from './model-quota.ts'
import { listWanted } from './preflight-models.ts'
import type { Settings } from './settings.ts'
import type { PreviousUpdate } from './stack.ts'

/** Warns of what Azure would refuse; who may not read the lists, or cannot reach Azure, is told that nobody looked. */
export async function warnOfQuota(
  settings: Settings,
  previous: PreviousUpdate,
  { subscriptionId, ask }: { subscriptionId: string; ask: typeof fetch },
): Promise<void> {
  if (settings.openAiAccountIds.length > 0) return
  const { token } = await authorization.getClientToken()
  for (const location of [settings.openAiLocation, ...settings.openAiFailoverLocations]) {
    const region = await readRegion({ subscriptionId, location, token }, ask).catch((fault: unknown) => {
      const reason = fault instanceof Error ? fault.message : String(fault)
      pulumi.log.info(`The quota of ${location} was not read (${reason})`)
      return undefined
    })
    if (region === undefined) continue
    for (const model of listWanted(settings, location, previous.modelUnits)) {
      const { state, text } = judgeModel(model, location, region.models, region.usages)
      if (state === 'enough') pulumi.log.info(text)
      else pulumi.log.warn(text)
    }
  }
}
