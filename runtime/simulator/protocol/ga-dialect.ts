/** The GA dialect: the simulator's own shapes, as they are. */
import type { Dialect } from '../session/wire.ts'
import { azureClientEvents, checkEvent, clientEvents } from './ga.ts'

export const gaDialect: Dialect = {
  check: event => checkEvent(clientEvents, event),
  inward: event => event,
  // The GA wire does not carry this event, though the schema has it.
  outward: event => (event.type === 'conversation.created' ? [] : [event]),
}

/** The same on a plain WebSocket of Azure, which takes other events. */
export const azureSocketDialect: Dialect = {
  ...gaDialect,
  check: event => checkEvent(azureClientEvents, event),
}
