/**
 * The two dialects of the Realtime API: event names and the session's shape, general availability (GA)
 * against the preview of 2024-25.
 * Source: Azure OpenAI "Migrate from preview to GA" and the openai package's `realtime` and
 * `beta/realtime` types.
 */
import type { Dialect } from '../types.ts'

/** Preview name → GA name of the server events that were renamed. */
const gaNames: Readonly<Record<string, string>> = {
  'response.text.delta': 'response.output_text.delta',
  'response.text.done': 'response.output_text.done',
  'response.audio.delta': 'response.output_audio.delta',
  'response.audio.done': 'response.output_audio.done',
  'response.audio_transcript.delta': 'response.output_audio_transcript.delta',
  'response.audio_transcript.done': 'response.output_audio_transcript.done',
  'conversation.item.created': 'conversation.item.added',
  'transcription_session.updated': 'session.updated',
}

const previewNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(gaNames)
    .filter(([preview]) => preview !== 'transcription_session.updated')
    .map(([preview, ga]) => [ga, preview]),
)

/** Names an event's GA name; a name that was not changed, or is not known, stays as it is. */
export function gaName(type: string): string {
  return Object.hasOwn(gaNames, type) ? (gaNames[type] ?? type) : type
}

/** Names an event's preview name; a name that was not changed, or is not known, stays as it is. */
export function previewName(type: string): string {
  return Object.hasOwn(previewNames, type) ? (previewNames[type] ?? type) : type
}

/** Lists all names an event goes by: its own first, then its name in the other dialect if it has one. */
export function namesOf(type: string): readonly string[] {
  const other = Object.hasOwn(gaNames, type)
    ? gaNames[type]
    : Object.hasOwn(previewNames, type)
      ? previewNames[type]
      : undefined
  return other === undefined ? [type] : [type, other]
}

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
}

/** How a session listens: who says that a turn is over (`null`: the client does), and who writes it down. */
export type Hearing = Required<Pick<SessionSettings, 'turnDetection' | 'transcription'>>

/** The `event_id` of the gateway's own `session.update`s: upstream's errors name it. */
export const settingsEventId = 'gateway_settings'

/**
 * Writes the `session.update` event for settings.
 * GA takes one output modality, and nests audio; the preview takes both modalities and is flat, and
 * refuses `session.type`.
 */
export function sessionUpdate(settings: SessionSettings, dialect: Dialect): string {
  const session = dialect === 'ga' ? gaSession(settings) : previewSession(settings)
  return JSON.stringify({ type: 'session.update', event_id: settingsEventId, session })
}

/** Writes the `session.update` event that changes how a session listens, and nothing else. */
export function hearingUpdate(hearing: Hearing, dialect: Dialect): string {
  const session =
    dialect === 'ga' ? { type: 'realtime', audio: { input: gaInput(hearing) } } : previewInput(hearing)
  return JSON.stringify({ type: 'session.update', event_id: settingsEventId, session })
}

const gaPcm = { type: 'audio/pcm', rate: 24_000 } as const

function gaSession({ instructions, voice, textOnly, ...hearing }: SessionSettings): object {
  if (textOnly) return { type: 'realtime', output_modalities: ['text'], instructions }
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    instructions,
    audio: {
      input: gaInput(hearing),
      output: { format: gaPcm, voice },
    },
  }
}

function gaInput({ turnDetection, transcription }: Partial<Hearing>): object {
  return { format: gaPcm, transcription: modelOf(transcription), turn_detection: turnDetection }
}

function previewSession({ instructions, voice, textOnly, ...hearing }: SessionSettings): object {
  if (textOnly) return { modalities: ['text'], instructions }
  return {
    modalities: ['text', 'audio'],
    instructions,
    voice,
    output_audio_format: 'pcm16',
    ...previewInput(hearing),
  }
}

function previewInput({ turnDetection, transcription }: Partial<Hearing>): object {
  return {
    input_audio_format: 'pcm16',
    input_audio_transcription: modelOf(transcription),
    turn_detection: turnDetection,
  }
}

function modelOf(transcription: string | undefined): { model: string } | undefined {
  return transcription === undefined ? undefined : { model: transcription }
}
