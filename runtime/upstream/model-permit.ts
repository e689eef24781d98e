/** Which models a client may name, wherever it names one: on Azure any other name is another deployment of the resource. Pure. */
import { GatewayError } from '../core/errors.ts'
import { type Fields, isFields } from '../events/fields.ts'
import { chooseModel, type ModelChoice } from './model-choice.ts'

/** What a session is for. */
export type Purpose = 'conversation' | 'transcription' | 'translation'

export interface ModelPermit {
  /** Models that answer. */
  readonly choice: ModelChoice
  /** Models that write down what is said, in each kind of session. */
  readonly transcription: Readonly<Record<Purpose, readonly string[]>>
  /** Models that translate; the first is the default. */
  readonly translation: readonly [string, ...string[]]
}

/** A model that may not be named. */
export interface ForbiddenModel {
  /** The field that names it, from the root of an event: `session.audio.input.transcription.model`. */
  readonly param: string
  readonly error: GatewayError
}

/** Where a session names the model that writes down what is said: GA's field, and the preview's. */
const transcriptionPaths = [['audio', 'input', 'transcription'], ['input_audio_transcription']] as const

/** More characters than any name takes; a longer one is cut where it is quoted. */
const maxQuotedChars = 64

/**
 * Finds the first model of a session that its client may not name, in the shapes of both dialects.
 * @param session of a `session.update`, or of a request for a key or a call
 * @param shown the model that upstream itself has named for this session: clients repeat it
 * @returns null where all are permitted
 */
export function findForbiddenModel(
  permit: ModelPermit,
  session: Fields,
  purpose: Purpose,
  shown: string | null = null,
): ForbiddenModel | null {
  for (const path of transcriptionPaths) {
    const transcription = valueAt(session, path)
    const model = isFields(transcription) ? transcription.model : undefined
    const error = refusalOf(model, name => checkTranscription(permit, name, purpose))
    if (error !== null) return { param: ['session', ...path, 'model'].join('.'), error }
  }
  const error = refusalOf(session.model, name => {
    if (name !== shown) checkSessionModel(permit, name, purpose)
  })
  return error === null ? null : { param: 'session.model', error }
}

/** @throws GatewayError `model_not_configured`, naming those that may be used */
export function checkSessionModel(permit: ModelPermit, name: string, purpose: Purpose): void {
  if (purpose === 'conversation') chooseModel(permit.choice, name)
  else if (purpose === 'transcription') checkTranscription(permit, name, purpose)
  else if (!permit.translation.includes(name)) throw forbidden(name, 'TRANSLATION_MODELS', permit.translation)
}

function checkTranscription({ transcription }: ModelPermit, name: string, purpose: Purpose): void {
  const names = transcription[purpose]
  if (!names.includes(name)) throw forbidden(name, 'TRANSCRIPTION_MODELS', names)
}

/** What is neither a name nor absent cannot be held against a list. */
function refusalOf(model: unknown, check: (name: string) => void): GatewayError | null {
  if (model === undefined || model === null) return null
  if (typeof model !== 'string')
    return new GatewayError('bad_request', '"model": must be the name of a model')
  try {
    check(model)
    return null
  } catch (fault) {
    if (fault instanceof GatewayError) return fault
    throw fault
  }
}

function forbidden(name: string, variable: string, names: readonly string[]): GatewayError {
  const choice = names.length === 0 ? 'none' : names.map(allowed => `"${allowed}"`).join(', ')
  return new GatewayError(
    'model_not_configured',
    `The model "${name.slice(0, maxQuotedChars)}" is not among the ${variable} of this gateway; use ${choice}`,
  )
}

function valueAt(fields: Fields, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), fields)
}
