/** What clients of a session neither see nor change: one policy for every path on which a session's events travel. */
import { gaMessageName } from '../events/event-names.ts'
import { type Fields, isFields, parseExactly } from '../events/fields.ts'

/** Fields of a session that a gateway can keep to itself, and what stands in their place in what clients see. */
const blanks = { instructions: '', prompt: null, tools: [] } as const

export type PinnedField = keyof typeof blanks

export interface SessionPolicy {
  /** Hidden in every event, and kept out of every `session.update` and `response.create` of a client's, by whatever name. */
  readonly fields: readonly PinnedField[]
  /**
   * Nothing but what the person and the model said reaches the model: no items in the name of the system, and no
   * `input` of an answer's own.
   */
  readonly guardsContext: boolean
  /** What becomes of a change: `refuse` answers it by an error that names the field; `leave_out` takes it out in silence. */
  readonly onChange: 'refuse' | 'leave_out'
}

/** The session is its client's. */
export const openPolicy: SessionPolicy = { fields: [], guardsContext: false, onChange: 'refuse' }

/** `REALTIME_PIN_SESSION`: the gateway's own instructions and prompt template stand; tools are the client's. */
export const ownInstructionsPolicy: SessionPolicy = {
  fields: ['instructions', 'prompt'],
  guardsContext: false,
  onChange: 'refuse',
}

/** An assistant that is `pinned`. */
export function pinnedPolicy(onChange: SessionPolicy['onChange']): SessionPolicy {
  return { fields: ['instructions', 'tools', 'prompt'], guardsContext: true, onChange }
}

/** Whether a policy keeps anything from clients. */
export function isOpen({ fields, guardsContext }: SessionPolicy): boolean {
  return fields.length === 0 && !guardsContext
}

/** The events that always have a session; others of that name may. */
const sessionEvents: ReadonlySet<string> = new Set(['session.created', 'session.updated'])

/** An MCP server's list of tools is an item of the conversation; upstream writes the word without escapes. */
const toolsItem = Buffer.from('mcp_list_tools')

/**
 * Blanks what a policy hides in an event.
 * @param frame as upstream sent it
 * @param type as it was read from the frame
 * @returns the frame itself where it shows nothing; null where it may and cannot be read
 */
export function blankPinned(frame: Buffer, type: string | null, { fields }: SessionPolicy): Buffer | null {
  if (type === null || fields.length === 0 || !mayShow(frame, type, fields)) return frame
  const event = parseExactly(frame)
  if (event === null || (sessionEvents.has(type) && !isFields(event.session))) return null
  const hidesTools = fields.includes('tools')
  return Buffer.from(
    JSON.stringify({
      ...event,
      ...(isFields(event.session) && { session: blankSession(event.session, fields) }),
      ...(isFields(event.response) && { response: blankResponse(event.response, fields, hidesTools) }),
      ...(hidesTools && isFields(event.item) && { item: blankItem(event.item) }),
    }),
  )
}

function mayShow(frame: Buffer, type: string, fields: readonly PinnedField[]): boolean {
  if (type.startsWith('session.') || type.startsWith('transcription_session.')) return true
  if (type === 'response.created' || type === 'response.done')
    return fields.some(name => frame.includes(`"${name}"`)) || frame.includes(toolsItem)
  return fields.includes('tools') && frame.includes(toolsItem)
}

/** Blanks fields in a session's object; absent ones stay absent. */
export function blankSession<S extends object>(session: S, fields: readonly PinnedField[]): S {
  const hidden = fields.filter(name => name in session).map(name => [name, blanks[name]])
  return { ...session, ...Object.fromEntries(hidden) }
}

function blankResponse(response: Fields, fields: readonly PinnedField[], hidesTools: boolean): Fields {
  const { output } = response
  const blanked = blankSession(response, fields)
  if (!hidesTools || !Array.isArray(output)) return blanked
  return { ...blanked, output: output.map(item => (isFields(item) ? blankItem(item) : item)) }
}

function blankItem(item: Fields): Fields {
  return item.type === 'mcp_list_tools' ? { ...item, tools: [] } : item
}

/** Leaves fields out of a session that a client asks for. */
export function omitPinnedFields(session: Fields, fields: readonly PinnedField[]): Fields {
  const kept: ReadonlySet<string> = new Set(fields)
  return Object.fromEntries(Object.entries(session).filter(([name]) => !kept.has(name.toLowerCase())))
}

/** A field that a policy keeps from clients. */
export interface WithheldField {
  /** As the client wrote it, from the root of the message: `session.instructions`. */
  readonly param: string
  readonly name: string
}

/** Where messages carry what a policy keeps: settings of a session, and those of one answer. */
const ownersByGaName: ReadonlyMap<string, 'session' | 'response'> = new Map([
  ['session.update', 'session'],
  ['response.create', 'response'],
])

/** @returns undefined for a message that has no settings */
function ownerOf(type: string): 'session' | 'response' | undefined {
  return ownersByGaName.get(gaMessageName(type))
}

/** The types that a policy reads; all others are passed over by their type. */
export function concernsPolicy(policy: SessionPolicy, type: string): boolean {
  if (type === 'conversation.item.create') return policy.guardsContext
  return ownerOf(type) !== undefined && !isOpen(policy)
}

const clientRoles: ReadonlySet<unknown> = new Set(['user', 'assistant'])

/** Whether a client may speak in the name of a role where the context is guarded. */
export function isClientRole(role: unknown): boolean {
  return clientRoles.has(role)
}

/**
 * Finds what a message would change that its policy keeps.
 * @param message of one of the types that are guarded
 * @returns the fields in their order; none where it changes nothing that is kept
 */
export function findKept(policy: SessionPolicy, type: string, message: Fields): WithheldField[] {
  if (type === 'conversation.item.create') {
    const { item } = message
    if (!isFields(item) || item.role === undefined || isClientRole(item.role)) return []
    return [{ param: 'item.role', name: 'role' }]
  }
  const owner = ownerOf(type)
  const settings = owner === undefined ? null : message[owner]
  if (!isFields(settings)) return []
  const kept: ReadonlySet<string> = new Set([
    ...policy.fields,
    ...(policy.guardsContext && owner === 'response' ? ['input'] : []),
  ])
  return Object.keys(settings)
    .filter(name => kept.has(name.toLowerCase()))
    .map(name => ({ param: `${owner}.${name}`, name }))
}

/**
 * Writes a message without what its policy keeps.
 * @returns null where nothing is left of it: an item in the system's name
 */
export function leaveOut(type: string, message: Fields, kept: readonly WithheldField[]): Fields | null {
  const owner = ownerOf(type)
  if (owner === undefined) return null
  const settings = Object.entries(message[owner] as Fields)
  const rest = settings.filter(([name]) => !kept.some(field => field.name === name))
  return { ...message, [owner]: Object.fromEntries(rest) }
}
