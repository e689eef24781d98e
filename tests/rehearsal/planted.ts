/** A gateway with a fault in it, so that the rehearsal can be seen to notice. Never part of the product. */

import { Resumes } from '../../runtime/conversation/resumes.ts'
import { Drain } from '../../runtime/drain.ts'

switch (process.env.REHEARSAL_PLANT) {
  case 'accept-while-draining':
    Drain.prototype.refusal = () => null
    break
  case 'lose-tickets':
    Resumes.prototype.redeem = () => Promise.resolve({ failure: 'unknown' })
    break
  case 'ignore-sigterm': {
    const on = process.on.bind(process)
    process.on = ((event: string, listener: () => void) =>
      on(event, event === 'SIGTERM' ? () => undefined : listener)) as typeof process.on
  }
}

await import('../../runtime/main.ts')
