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
} = process.env
const hands = azureHands({ stack: STACK, sockets: Number(SOCKETS), credential: CREDENTIAL })

if (process.argv[2] === 'rollback') await rollBack(REVISION, hands)
else
  await rollOut(
    { steps: STEPS.split(',').map(Number), holdSec: Number(HOLD_SEC), patienceSec: Number(PATIENCE_SEC) },
    hands,
  )
