/** What an assistant makes of the settings of a session: the variables' own, with the assistant's laid over them. */
import type { AudioInputSettings, SessionSettings } from '../dialect/dialect.ts'
import { type Fields, isFields, present } from '../events/fields.ts'
import type { Assistant } from './assistant.ts'
import type { InstructionsScope } from './instructions.ts'

/** What is said of a session's language in an address or a header, by whoever opens it. */
interface Asking {
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
}

/** A language as BCP 47 writes it; anything else is none, as it stands in instructions. */
const languageTag = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/

/** On `/chat` a talk goes on by itself. */
const answersTurns = { create_response: true, interrupt_response: true }

/** Finds the person's language: `?language=`, else the first of `Accept-Language`. @returns '' where neither says it */
export function languageOf({ query, headers }: Asking): string {
  const named = query.get('language')
  const accepted = headers.get('accept-language')?.split(',', 1)[0]?.split(';', 1)[0]?.trim()
  return [named, accepted].find(tag => typeof tag === 'string' && languageTag.test(tag)) ?? ''
}

/**
 * Settings of a session of an assistant.
 * @param base what the variables say; its instructions hold where the assistant has none
 */
export function assistantSessionSettings(
  { instructions, session }: Pick<Assistant, 'instructions' | 'session'>,
  base: SessionSettings,
  scope: InstructionsScope,
): SessionSettings {
  const modalities = session.output_modalities
  return {
    ...base,
    textOnly: Array.isArray(modalities) ? !modalities.includes('audio') : base.textOnly,
    ...(instructions !== null && { instructions: instructions(scope) }),
    overlay: session,
  }
}

/**
 * Settings of `/chat`, which plays and records PCM alone, and says itself when it listens.
 * @param base as of `settingsFor`
 * @param audioInput how `/chat` listens to an open microphone where the assistant does not say it
 */
export function chatSettingsFor(
  assistant: Pick<Assistant, 'instructions' | 'session'>,
  base: SessionSettings,
  audioInput: AudioInputSettings,
  scope: InstructionsScope,
): { readonly settings: SessionSettings; readonly audioInput: AudioInputSettings } {
  const settings = assistantSessionSettings(assistant, base, scope)
  const audio = fieldsAt(assistant.session, 'audio')
  const { turn_detection, transcription, format: _, ...input } = fieldsAt(audio, 'input')
  const { format: __, ...output } = fieldsAt(audio, 'output')
  const model = isFields(transcription) ? transcription.model : undefined
  return {
    settings: {
      ...settings,
      overlay: settings.textOnly
        ? present({ ...assistant.session, audio: undefined })
        : { ...assistant.session, audio: { ...audio, input, output } },
    },
    audioInput: {
      turnDetection: isFields(turn_detection)
        ? ({ ...turn_detection, ...answersTurns } as unknown as AudioInputSettings['turnDetection'])
        : audioInput.turnDetection,
      transcription: typeof model === 'string' ? model : audioInput.transcription,
    },
  }
}

/** The instructions of a first answer: those of the session, which an answer's own would take the place of, and the greeting. */
export function greetingOf({ greeting }: Pick<Assistant, 'greeting'>, instructions = ''): string | null {
  return greeting === null ? null : `${instructions}\n\n${greeting}`.trim()
}

function fieldsAt(fields: Fields, name: string): Fields {
  const value = fields[name]
  return isFields(value) ? value : {}
}
