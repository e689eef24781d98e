/** `npm run azure:retire -- STACK [SECONDS]`: waits so long for sockets to go (an hour unless said), then purges images. */
import { azureHands } from './azure-hands.ts'
import { purgeImages } from './purge-images.ts'
import { registryHands } from './registry-hands.ts'
import { retireIdle } from './retire-idle.ts'

const defaultPatienceSec = 3600
const [stack = '', seconds = String(defaultPatienceSec)] = process.argv.slice(2)
const patienceSec = Number(seconds)
if (stack === '' || !Number.isInteger(patienceSec) || patienceSec < 0)
  throw new Error('Name the stack, and maybe a whole number of seconds: npm run azure:retire -- dev 3600')
const wait = (time: number) => new Promise<void>(resolve => setTimeout(resolve, time * 1000))
await retireIdle(patienceSec, azureHands({ stack, sockets: 0, credential: '', audience: '', wait }))
const hands = registryHands(stack)
// A registry that others use too holds what this stack knows nothing of.
if (hands !== undefined) await purgeImages(hands)
