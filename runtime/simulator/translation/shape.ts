/** A translation session: what clients may set, and how it is shown. Source: npm `openai` 7.59.0, `realtime.d.ts`. */
import { anything, type Check, type Fields, fields, isFields, nullable, string } from '../protocol/check.ts'
import { base64 } from '../protocol/items.ts'
import { noiseReduction } from '../protocol/session.ts'

export interface TranslationConfig {
  readonly model: string
  readonly transcription: { readonly model: string } | null
  readonly noiseReduction: unknown
  readonly language: string
}

/** No document says which language is the default. Assumed. */
const defaultLanguage = 'en'

const audio = fields({
  input: fields({
    transcription: nullable(fields({ model: string() }, 'model')),
    noise_reduction: nullable(noiseReduction),
  }),
  output: fields({ language: string() }),
})

/** `session` of `client_secrets`. */
export const translationRequest = fields({ model: string(), audio }, 'model')

const common = { type: string(), event_id: nullable(string()) }

export const translationEvents: Record<string, Check> = {
  'session.update': fields({ ...common, session: fields({ audio, type: anything }) }, 'session'),
  'session.input_audio_buffer.append': fields({ ...common, audio: base64 }, 'audio'),
  'session.close': fields(common),
}

export function newTranslation(model: string): TranslationConfig {
  return { model, transcription: null, noiseReduction: null, language: defaultLanguage }
}

/** Applies a checked `session` object; the model is fixed. */
export function changedTranslation(config: TranslationConfig, patch: Fields): TranslationConfig {
  const { input, output } = isFields(patch.audio) ? patch.audio : {}
  const { transcription, noise_reduction } = isFields(input) ? input : {}
  const { language } = isFields(output) ? output : {}
  return {
    ...config,
    ...(transcription !== undefined && {
      transcription: transcription as TranslationConfig['transcription'],
    }),
    ...(noise_reduction !== undefined && { noiseReduction: noise_reduction }),
    ...(typeof language === 'string' && { language }),
  }
}

/** The `session` object of server events. @param expiresAt Unix seconds */
export function shownTranslation(config: TranslationConfig, id: string, expiresAt: number): Fields {
  const { model, transcription, noiseReduction: noise_reduction, language } = config
  return {
    id,
    type: 'translation',
    model,
    expires_at: expiresAt,
    audio: { input: { transcription, noise_reduction }, output: { language } },
  }
}
