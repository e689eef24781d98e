/** The settings of `/realtime`: session, filter, extraction. A part of `config.ts`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { noTranscription } from '../core/contract.ts'
import type { AudioInputSettings, SessionSettings, TurnDetection } from '../dialect/dialect.ts'
import { type ExtractorOptions, parseFieldsMap } from '../events/extract.ts'
import { compileSchema, type Misfit } from '../events/json-schema.ts'
import type { Environment } from './environment.ts'

export interface RealtimeConfig {
  /**
   * Names and shapes that clients see. `auto`: the client's own at the SDK addresses; on `/realtime`, and everywhere
   * with `upstream`, they are left as they came.
   */
  readonly dialect: 'auto' | 'upstream' | 'ga' | 'preview'
  readonly autoClose: boolean
  /** Clients neither see nor replace the instructions that the gateway gives a session. */
  readonly pinSession: boolean
  /** Everything of the `session.update` that the gateway sends, but for the rendered instructions. */
  readonly session: SessionSettings
  readonly allowedEventTypes: readonly string[]
  readonly extraction: ExtractorOptions | null
}

/** What `/realtime` lets through where nothing else is asked for: the words of an answer, written or spoken. */
const textEvents = ['response.text.delta', 'response.text.done']
const spokenEvents = ['response.audio_transcript.delta', 'response.audio_transcript.done']

/** Reads the `REALTIME_*` settings. @param faults takes a sentence for each fault */
export function readRealtime(env: Environment, faults: string[]): RealtimeConfig {
  const turnDetection = readTurnDetection(env)
  return {
    dialect: env.REALTIME_DIALECT,
    autoClose: env.REALTIME_AUTO_CLOSE,
    pinSession: env.REALTIME_PIN_SESSION,
    session: { voice: env.REALTIME_VOICE, textOnly: env.REALTIME_TEXT_ONLY, turnDetection },
    allowedEventTypes:
      env.REALTIME_ALLOWED_EVENT_TYPES ??
      (env.REALTIME_TEXT_ONLY ? textEvents : [...textEvents, ...spokenEvents]),
    extraction: readExtraction(env, faults),
  }
}

function readTurnDetection(env: Environment): TurnDetection | null | undefined {
  const type = env.REALTIME_TURN_DETECTION_TYPE
  if (type === undefined) return undefined
  if (type === 'none') return null
  const common = {
    type,
    create_response: env.REALTIME_TURN_DETECTION_CREATE_RESPONSE,
    interrupt_response: env.REALTIME_TURN_DETECTION_INTERRUPT_RESPONSE,
  }
  if (type === 'semantic_vad') return { ...common, eagerness: env.REALTIME_TURN_DETECTION_SEMANTIC_EAGERNESS }
  return { ...common, ...readServerVad(env) }
}

function readServerVad(env: Environment): Partial<TurnDetection> {
  return {
    threshold: env.REALTIME_TURN_DETECTION_SERVER_THRESHOLD,
    prefix_padding_ms: env.REALTIME_TURN_DETECTION_SERVER_PREFIX_PADDING_MS,
    silence_duration_ms: env.REALTIME_TURN_DETECTION_SERVER_SILENCE_DURATION_MS,
  }
}

/** Reads how `/chat` listens: a talk goes on by itself, so turns are always answered, and speech always cuts an answer. */
export function readAudioInput(env: Environment): AudioInputSettings {
  return {
    transcription:
      env.CHAT_TRANSCRIPTION_MODEL === noTranscription ? undefined : env.CHAT_TRANSCRIPTION_MODEL,
    turnDetection: {
      type: 'server_vad',
      ...readServerVad(env),
      create_response: true,
      interrupt_response: true,
    },
  }
}

function readExtraction(env: Environment, faults: string[]): ExtractorOptions | null {
  let fieldsMap: ReturnType<typeof parseFieldsMap> = []
  try {
    fieldsMap = parseFieldsMap(env.REALTIME_EXTRACT_FIELDS_MAP)
  } catch (error) {
    faults.push(`REALTIME_EXTRACT_FIELDS_MAP: ${error instanceof Error ? error.message : String(error)}`)
  }
  const misfit = readSchema(env.REALTIME_EXTRACT_SCHEMA_PATH, faults)
  const types = env.REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES
  if (types.length === 0) return null
  return {
    types,
    fieldsMap,
    textField: env.REALTIME_EXTRACT_JSON_TEXT_FIELD,
    strategy: env.REALTIME_EXTRACT_JSON_STRATEGY,
    outputMode: env.REALTIME_EXTRACT_OUTPUT_MODE,
    pick: env.REALTIME_EXTRACT_PICK,
    arrays: env.REALTIME_EXTRACT_ARRAYS,
    repair: env.REALTIME_EXTRACT_REPAIR,
    onFail: env.REALTIME_EXTRACT_ON_FAIL,
    misfit,
  }
}

/** A schema is read at the start, so that one that is missing or malformed stops it. */
function readSchema(path: string | undefined, faults: string[]): Misfit | undefined {
  if (path === undefined) return undefined
  try {
    return compileSchema(readFileSync(join(import.meta.dirname, '..', path), 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    faults.push(`REALTIME_EXTRACT_SCHEMA_PATH: "${path}" below runtime/ is no JSON Schema: ${reason}`)
    return undefined
  }
}
