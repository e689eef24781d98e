/** `npm run azure:retire -- STACK [SECONDS]`. */
import { runCommand, UsageError } from '../../infra/commands/command.ts'
import { azureHands } from './azure-hands.ts'
import { purgeImages } from './purge-images.ts'
import { registryHands } from './registry-hands.ts'
import { retireIdle } from './retire-idle.ts'

const defaultPatienceSec = 3600

const help = `npm run azure:retire -- STACK [SECONDS]

Deactivates revisions that have no traffic, once their last socket has gone, and purges images that no revision needs.
SECONDS is how long it waits for sockets (${defaultPatienceSec}).`

await runCommand(help, async ([stack = '', seconds = String(defaultPatienceSec)]) => {
  const patienceSec = Number(seconds)
  if (stack === '' || !Number.isInteger(patienceSec) || patienceSec < 0)
    throw new UsageError('Name the stack, and maybe a whole number of seconds')
  const wait = (time: number) => new Promise<void>(resolve => setTimeout(resolve, time * 1000))
  await retireIdle(patienceSec, azureHands({ stack, sockets: 0, credential: '', audience: '', wait }))
  const hands = registryHands(stack)
  // A registry that others use too holds what this stack knows nothing of.
  if (hands !== undefined) await purgeImages(hands)
})
