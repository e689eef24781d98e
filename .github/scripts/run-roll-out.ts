/** `node run-roll-out.ts release|rollback`, with its choices in the environment. */
import { azureHands } from './azure-hands.ts'
import { rollBack, rollOut } from './roll-out.ts'

const {
  STACK = '',
  STEPS = '',
  HOLD_SEC = '',
  PATIENCE_SEC = '',
  SOCKETS = '',
  REVISION = '',
  CREDENTIAL = '',
  AUDIENCE = '',
} = process.env
/** What is left empty is no number, where Number() would make it 0. */
const numberOf = (text: string) => (text.trim() === '' ? Number.NaN : Number(text))
const sockets = numberOf(SOCKETS)
if (!Number.isInteger(sockets) || sockets < 1)
  throw new Error('sockets: allowed is a whole number, 1 or more')
const wait = (seconds: number) => new Promise<void>(resolve => setTimeout(resolve, seconds * 1000))
const hands = azureHands({ stack: STACK, sockets, credential: CREDENTIAL, audience: AUDIENCE, wait })

if (process.argv[2] === 'rollback') await rollBack(REVISION, hands)
else
  await rollOut(
    {
      steps: STEPS.split(',').map(numberOf),
      holdSec: numberOf(HOLD_SEC),
      patienceSec: numberOf(PATIENCE_SEC),
    },
    hands,
  )
