/** Which assistant a request is for, at each door. */
import { assistantParameter } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal, UpgradeRequest } from '../core/ports.ts'
import { type Assistant, hasServerTools } from './assistant.ts'
import type { Assistants } from './assistants.ts'
import type { InstructionsScope } from './instructions.ts'
import { languageOf } from './session-settings.ts'

type Asking = Pick<UpgradeRequest, 'query' | 'headers' | 'principal'>

/** Who asks where no credential is asked for. */
const nobody: Principal = { name: 'anonymous', by: 'none' }

/**
 * Finds the assistant of `?assistant=`, or of the ticket or key by which the client comes.
 * @param named by a body, in place of the address
 * @returns null where none is chosen
 * @throws GatewayError `not_found`, `forbidden`
 */
export function chosenBy(
  assistants: Pick<Assistants, 'choose'>,
  { query, principal = nobody }: Pick<Asking, 'query' | 'principal'>,
  named: string | null = null,
): Assistant | null {
  return assistants.choose(named ?? query.get(assistantParameter), principal)
}

/**
 * Sees that a request is for no assistant, where there are none: a ticket or key that was made for one opens nothing else.
 * @param what is asked for, as a sentence's beginning
 * @throws GatewayError `bad_request` for one that is named, `forbidden` for a credential that is bound to one
 */
export function refuseAssistant(
  { query, principal }: Pick<Asking, 'query' | 'principal'>,
  what: string,
): void {
  if (query.has(assistantParameter))
    throw new GatewayError('bad_request', `"${assistantParameter}": ${what} has no assistant; leave it out`)
  if (principal?.assistant !== undefined)
    throw new GatewayError(
      'forbidden',
      `What this was made for is the assistant "${principal.assistant}" alone`,
    )
}

/**
 * Sees that an assistant may be offered over WebRTC, where the vendor's data channel goes to the browser.
 * @param by whether a key is handed out, or the gateway makes the call itself
 * @throws GatewayError `forbidden`
 */
export function checkOffered(assistant: Assistant | null, by: 'key' | 'call'): void {
  if (assistant === null) return
  const { name, isPinned, isVisibleOverWebrtc } = assistant
  if ((isPinned || hasServerTools(assistant)) && !isVisibleOverWebrtc)
    throw new GatewayError(
      'forbidden',
      `The assistant "${name}" is not offered over WebRTC, where the vendor's data channel shows its session; use a WebSocket`,
    )
  if (isPinned && by === 'key')
    throw new GatewayError(
      'forbidden',
      `No key is handed out for the assistant "${name}", which is pinned; let this gateway make the call`,
    )
}

/** What instructions may say of whoever asks. */
export function scopeOf({ principal = nobody, ...request }: Asking): InstructionsScope {
  return { caller: principal.name, language: languageOf(request) }
}
