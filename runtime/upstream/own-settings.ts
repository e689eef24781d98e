/** The `session.update`s that the gateway itself sends: whether upstream has confirmed or refused them. */
import { GatewayError } from '../core/errors.ts'
import { settingsEventId } from '../dialect/dialect.ts'
import { type Fields, isFields, parseFields } from '../events/fields.ts'
import { describeError } from './refusal.ts'

/**
 * - confirmed: upstream has shown the last ones, or none were sent
 * - first: they are what upstream answers next, as it answers in order
 * - unconfirmed: upstream speaks of other things, too
 */
type SettingsState = 'confirmed' | 'first' | 'unconfirmed'

/** What upstream says of its own accord when a session begins. */
const greetings = new Set(['session.created', 'conversation.created', 'transcription_session.created'])

export class OwnSettings {
  #state: SettingsState = 'confirmed'

  /** Settings go to upstream. @param isFirst before anything else of this upstream session */
  sent(isFirst: boolean): void {
    this.#state = isFirst ? 'first' : 'unconfirmed'
  }

  /**
   * Takes in one event from upstream.
   * @returns `settings_refused` where it refuses the settings: an error that names their event, or one that
   *   names none while they are unconfirmed and either comes first or is about the session. Else null.
   */
  refusal(frame: Buffer, type: string | null): GatewayError | null {
    if (type === 'error') return this.#isRefusal(parseFields(frame) ?? {}) ? refused(frame) : null
    if (type === 'session.updated') this.#state = 'confirmed'
    else if (this.#state === 'first' && type !== null && !greetings.has(type)) this.#state = 'unconfirmed'
    return null
  }

  #isRefusal({ error }: Fields): boolean {
    const { event_id, param } = isFields(error) ? error : {}
    if (typeof event_id === 'string') return event_id === settingsEventId
    if (this.#state === 'unconfirmed') return typeof param === 'string' && /^session\b/.test(param)
    return this.#state === 'first'
  }
}

function refused(frame: Buffer): GatewayError {
  const what = describeError(frame.toString()) || 'no code given'
  return new GatewayError(
    'settings_refused',
    `The Realtime API refused the settings of this gateway (${what}); whoever runs it must correct them`,
  )
}
