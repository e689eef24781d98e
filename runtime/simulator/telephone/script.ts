/** A caller without a person: it rings, says something once it is answered, presses a key, and hangs up. */
import type { Simulator } from '../server.ts'
import type { WebhookTarget } from './webhook.ts'

export interface CallerScript {
  webhook: WebhookTarget
  /** Deliveries of the one webhook, at the same time. */
  deliveries: number
  /** The caller hangs up after this, answered or not (ms). */
  hangUpAfterMs: number
}

/** The caller speaks this long (ms), and presses its key this long after that. */
const speechMs = 1500
const keyAfterMs = 3000
const key = '1'

/** Makes one call. @param tell takes a line for each thing that happens. @returns when the call is over */
export async function makeScriptedCall(
  simulator: Pick<Simulator, 'ring'>,
  script: CallerScript,
  tell: (line: string) => void,
): Promise<void> {
  const { call, delivered } = simulator.ring(script)
  tell(`call ${call.id} rings; ${script.webhook.url} is told`)
  const told = delivered.then(all =>
    tell(`the webhook was answered with ${all.map(each => each.map(nameOf).join(', then ')).join(' and ')}`),
  )
  let press: NodeJS.Timeout | undefined
  void call.accepted.then(({ model }) => {
    tell(`answered by ${model}; the caller speaks for ${speechMs} ms`)
    call.say(speechMs)
    press = setTimeout(() => {
      tell(`the caller presses ${key}`)
      call.press(key)
    }, keyAfterMs)
  })
  const { by, status, target } = await call.ended
  clearTimeout(press)
  await told
  tell(
    `over: ${by}${status === undefined ? '' : ` with ${status}`}${target === undefined ? '' : ` to ${target}`}`,
  )
}

function nameOf(status: number): string {
  return status === 0 ? 'nothing' : String(status)
}
