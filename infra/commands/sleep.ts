/** Puts a stack to sleep, so that it costs little, and wakes it. What it keeps, it keeps: names, state, images, logs. */
import { type Ask, jsonOf } from './azure-cli.ts'

export interface Stack {
  readonly group: string
  readonly app: string
  readonly gateway: string
}

/** An Application Gateway takes ten minutes to stop or start, and az waits for it (ms). */
export const patienceMs = 30 * 60_000

const appsApi = '2025-01-01'

const must = (ask: Ask, ...args: readonly string[]) => {
  const answer = ask(['az', ...args])
  if (!answer.ok) throw new Error(`az ${args.slice(0, 3).join(' ')} failed: ${answer.text}`)
  return answer
}

/** Stops the app, whose replicas drain and end, and then the Application Gateway, which ends its hours. @throws what az said */
export function sleep(stack: Stack, ask: Ask): void {
  turnApp('stop', stack, ask)
  turnGateway('stop', stack, ask)
}

/** Starts the app, and then the Application Gateway, which finds its backend there. @throws what az said */
export function wake(stack: Stack, ask: Ask): void {
  turnApp('start', stack, ask)
  turnGateway('start', stack, ask)
}

/** All revisions at once, with their weights as they are (learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/stop). */
function turnApp(verb: 'start' | 'stop', { group, app }: Stack, ask: Ask): void {
  const url = `/subscriptions/{subscriptionId}/resourceGroups/${group}/providers/Microsoft.App/containerApps/${app}/${verb}?api-version=${appsApi}`
  must(ask, 'rest', '--method', 'post', '--url', url)
}

function turnGateway(verb: 'start' | 'stop', { group, gateway }: Stack, ask: Ask): void {
  must(ask, 'network', 'application-gateway', verb, '--name', gateway, '--resource-group', group)
}

/** Reads from the stack's outputs what is to sleep. @throws what Pulumi said */
export function readOutputs(stack: string, ask: Ask): Stack {
  const answer = ask(['pulumi', 'stack', 'output', '--json', '--stack', stack])
  const outputs = jsonOf<{
    resourceGroup: string
    containerAppName: string
    applicationGatewayName: string
  }>(answer)
  if (outputs === undefined) throw new Error(`pulumi stack output failed: ${answer.text}`)
  return {
    group: outputs.resourceGroup,
    app: outputs.containerAppName,
    gateway: outputs.applicationGatewayName,
  }
}
