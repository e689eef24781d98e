/**
 * The two dialects of the Realtime API, general availability (GA) and the preview of 2024-25: how the session that the
 * gateway asks for is written in each.
 * Source: Azure OpenAI "Migrate from preview to GA" and the openai package's `realtime` and
 * `beta/realtime` types.
 * Written here, as no library translates between the two.
 */
import { pcmRate } from '../core/contract.ts'
import type { Dialect } from '../core/ports.ts'
import { ownEventIds } from '../events/compose.ts'
import type { Fields } from '../events/fields.ts'
import { mergeSession } from './merge-session.ts'
import { sessionToPreview } from './session-shape.ts'

export interface TurnDetection {
  type: 'server_vad' | 'semantic_vad'
  threshold?: number | undefined
  prefix_padding_ms?: number | undefined
  silence_duration_ms?: number | undefined
  create_response?: boolean | undefined
  interrupt_response?: boolean | undefined
  eagerness?: 'low' | 'medium' | 'high' | 'auto' | undefined
}

/** What the gateway itself sets on a session; the dialect decides how it is written. */
export interface SessionSettings {
  instructions?: string | undefined
  voice: string
  textOnly: boolean
  /** `null` turns detection off (turns are committed by hand); absent leaves upstream's default. */
  turnDetection?: TurnDetection | null | undefined
  /** The model that writes down what the person says; absent: nobody does. On Azure the name of a deployment. */
  transcription?: string | undefined
  /** An assistant's own session, as GA has it: laid over all of these. */
  overlay?: Fields | undefined
}

/** How a session listens: who says that a turn is over (`null`: the client does), and who writes it down. */
export type AudioInputSettings = Required<Pick<SessionSettings, 'turnDetection' | 'transcription'>>

/** The `event_id` of the gateway's own `session.update`s: upstream's errors name it. */
export const settingsEventId = ownEventIds['session.update']

/**
 * Writes the `session.update` event for settings.
 * GA takes one output modality, and nests audio; the preview takes both modalities and is flat, and
 * refuses `session.type`.
 */
export function sessionUpdate(settings: SessionSettings, dialect: Dialect): string {
  const session = sessionFields(settings, dialect)
  return JSON.stringify({ type: 'session.update', event_id: settingsEventId, session })
}

/** Writes the session object of settings, as `sessionUpdate` does. */
export function sessionFields(settings: SessionSettings, dialect: Dialect): Fields {
  const { overlay } = settings
  if (overlay === undefined) return dialect === 'ga' ? gaSession(settings) : previewSession(settings)
  const whole = mergeSession(gaSession(settings), overlay)
  return dialect === 'ga' ? whole : sessionToPreview(whole)
}

/** Writes the `session.update` event that changes how a session listens, and nothing else. */
export function audioInputUpdate(audioInput: AudioInputSettings, dialect: Dialect): string {
  const session =
    dialect === 'ga' ? { type: 'realtime', audio: { input: gaInput(audioInput) } } : previewInput(audioInput)
  return JSON.stringify({ type: 'session.update', event_id: settingsEventId, session })
}

const gaPcm = { type: 'audio/pcm', rate: pcmRate } as const

function gaSession({ instructions, voice, textOnly, ...audioInput }: SessionSettings): Fields {
  if (textOnly) return { type: 'realtime', output_modalities: ['text'], instructions }
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    instructions,
    audio: {
      input: gaInput(audioInput),
      output: { format: gaPcm, voice },
    },
  }
}

function gaInput({ turnDetection, transcription }: Partial<AudioInputSettings>): object {
  return { format: gaPcm, transcription: modelOf(transcription), turn_detection: turnDetection }
}

function previewSession({ instructions, voice, textOnly, ...audioInput }: SessionSettings): Fields {
  if (textOnly) return { modalities: ['text'], instructions }
  return {
    modalities: ['text', 'audio'],
    instructions,
    voice,
    output_audio_format: 'pcm16',
    ...previewInput(audioInput),
  }
}

function previewInput({ turnDetection, transcription }: Partial<AudioInputSettings>): object {
  return {
    input_audio_format: 'pcm16',
    input_audio_transcription: modelOf(transcription),
    turn_detection: turnDetection,
  }
}

function modelOf(transcription: string | undefined): { model: string } | undefined {
  return transcription === undefined ? undefined : { model: transcription }
}
