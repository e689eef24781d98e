/**
 * The models of the Realtime API: what they are for, whether they are generally available at OpenAI and on Azure,
 * and the day on which each vendor retires them. The gateway, the simulator and the infrastructure read this table.
 *
 * Sources, as of 2026-11-28; a row names further ones. Retirement schedules move: read them again with each change.
 * OpenAI: developers.openai.com/api/docs/deprecations and /changelog; names are those of the `openai` package's types.
 * Azure: learn.microsoft.com, foundry/openai/concepts/model-retirement-schedule, copy of 2026-09-02. Where it gives
 * two days for a version, this has the earlier one.
 */

export type ModelKind = 'speech' | 'transcription' | 'translation' | 'live'

export interface Availability {
  readonly state: 'ga' | 'preview' | 'retired'
  /** From this day on the vendor refuses the model (ISO 8601 date, UTC); absent: none is announced, or known. */
  readonly retiredOn?: string
}

/** A deployment on Azure is of a version, and each version has its own end. */
export interface AzureVersion extends Availability {
  readonly version: string
}

export interface Model {
  /** As both vendors name it. */
  readonly name: string
  /** Dated names that OpenAI takes for the same model. */
  readonly snapshots: readonly string[]
  /**
   * `speech`: text, audio and images in, text or audio out. `transcription`: audio in, text out. `translation`:
   * audio in, audio and text of another language out. `live`: audio both ways at once, by a protocol of its own.
   */
  readonly kind: ModelKind
  /** The names and shapes that it speaks: those of general availability, or of the preview of 2024-25. */
  readonly dialect: 'ga' | 'preview'
  /** Takes `reasoning.effort` and `parallel_tool_calls`. */
  readonly reasons: boolean
  /** null: not offered there by this name. */
  readonly openai: Availability | null
  /** Oldest first; empty: no version is known to be offered there. */
  readonly azure: readonly AzureVersion[]
}

const ga = { snapshots: [], dialect: 'ga', reasons: false, openai: { state: 'ga' }, azure: [] } as const
const speech = { ...ga, kind: 'speech' } as const
const transcription = { ...ga, kind: 'transcription' } as const

/** Last announced day of the older speech models (OpenAI deprecations page, entry of 2026-10). */
const oldSpeechAtOpenai = { state: 'ga', retiredOn: '2027-01-20' } as const

/** Of whisper-1 and the gpt-4o transcribers (the same page). */
const oldTranscribersAtOpenai = { state: 'ga', retiredOn: '2027-02-26' } as const

/** Switched off with the preview's event shapes in May 2026; absent from Azure's list of July 2026. */
const previewOf2024 = {
  ...speech,
  dialect: 'preview',
  openai: { state: 'retired' },
} as const

export const models: readonly Model[] = [
  {
    ...speech,
    name: 'gpt-realtime-2.1',
    reasons: true,
    azure: [{ version: '2026-07-07', state: 'preview', retiredOn: '2027-06-25' }],
  },
  {
    ...speech,
    name: 'gpt-realtime-2.1-mini',
    reasons: true,
    azure: [{ version: '2026-07-07', state: 'preview', retiredOn: '2027-06-25' }],
  },
  {
    ...speech,
    name: 'gpt-realtime-2',
    reasons: true,
    // The copy of July 2026 had it generally available until 2027-05-06.
    azure: [{ version: '2026-05-06', state: 'preview', retiredOn: '2026-08-31' }],
  },
  {
    ...speech,
    name: 'gpt-realtime-1.5',
    // The copy of July 2026 had 2027-02-23.
    azure: [{ version: '2026-02-23', state: 'ga', retiredOn: '2027-08-24' }],
  },
  {
    ...speech,
    name: 'gpt-realtime',
    snapshots: ['gpt-realtime-2025-08-28'],
    openai: oldSpeechAtOpenai,
    azure: [{ version: '2025-08-28', state: 'ga', retiredOn: '2027-03-02' }],
  },
  {
    ...speech,
    name: 'gpt-realtime-mini',
    snapshots: ['gpt-realtime-mini-2025-10-06', 'gpt-realtime-mini-2025-12-15'],
    openai: oldSpeechAtOpenai,
    azure: [
      // Also listed: 2027-04-06.
      { version: '2025-10-06', state: 'ga', retiredOn: '2026-09-21' },
      // Also listed: 2027-06-15.
      { version: '2025-12-15', state: 'ga', retiredOn: '2026-12-15' },
    ],
  },
  {
    ...previewOf2024,
    name: 'gpt-4o-realtime-preview',
    snapshots: [
      'gpt-4o-realtime-preview-2024-10-01',
      'gpt-4o-realtime-preview-2024-12-17',
      'gpt-4o-realtime-preview-2025-06-03',
    ],
    azure: [{ version: '2024-12-17', state: 'retired' }],
  },
  {
    ...previewOf2024,
    name: 'gpt-4o-mini-realtime-preview',
    snapshots: ['gpt-4o-mini-realtime-preview-2024-12-17'],
    azure: [{ version: '2024-12-17', state: 'retired' }],
  },

  // Versions on Azure without a day are in the model matrix, but not in the retirement schedule.
  { ...transcription, name: 'gpt-transcribe' },
  { ...transcription, name: 'gpt-live-transcribe', azure: [{ version: '2026-07-29', state: 'ga' }] },
  { ...transcription, name: 'gpt-realtime-whisper', azure: [{ version: '2026-05-06', state: 'ga' }] },
  {
    ...transcription,
    name: 'gpt-4o-transcribe',
    openai: oldTranscribersAtOpenai,
    azure: [{ version: '2025-03-20', state: 'ga', retiredOn: '2026-10-15' }],
  },
  {
    ...transcription,
    name: 'gpt-4o-mini-transcribe',
    snapshots: ['gpt-4o-mini-transcribe-2025-12-15'],
    openai: oldTranscribersAtOpenai,
    azure: [
      { version: '2025-03-20', state: 'ga', retiredOn: '2026-10-15' },
      { version: '2025-12-15', state: 'ga', retiredOn: '2027-06-15' },
    ],
  },
  {
    ...transcription,
    name: 'gpt-4o-transcribe-diarize',
    openai: oldTranscribersAtOpenai,
    azure: [{ version: '2025-10-15', state: 'ga', retiredOn: '2027-04-15' }],
  },
  { ...transcription, name: 'whisper-1', openai: oldTranscribersAtOpenai },
  // Azure's name of whisper-1.
  {
    ...transcription,
    name: 'whisper',
    openai: null,
    azure: [{ version: '001', state: 'ga', retiredOn: '2026-12-15' }],
  },

  {
    ...ga,
    kind: 'translation',
    name: 'gpt-realtime-translate',
    azure: [{ version: '2026-05-06', state: 'ga' }],
  },
  // The protocol of `session.start`; generally available at OpenAI since 2026-09-10.
  { ...ga, kind: 'live', name: 'gpt-live-1' },
]

/** OpenAI's named replacement of `gpt-realtime`, without a day of its end. */
export const defaultSpeechModel = 'gpt-realtime-2.1'

/** Writes down committed turns; on Azure also the name of its deployment. Neither vendor has announced its end. */
export const defaultTurnTranscription = 'gpt-transcribe'

/** Writes down what is said while it is said, in transcription sessions. Neither vendor has announced its end. */
export const defaultSessionTranscription = 'gpt-live-transcribe'

/** On Azure also the name of its deployment. */
export const defaultTranslation = 'gpt-realtime-translate'

/** Finds a model by its name, or by that of a snapshot. */
export function findModel(name: string): Model | undefined {
  return models.find(model => model.name === name || model.snapshots.includes(name))
}

/** Lists the names of OpenAI's models of a kind, snapshots included, and those that are retired. */
export function namesAtOpenai(kind: ModelKind): string[] {
  return models
    .filter(model => model.kind === kind && model.openai !== null)
    .flatMap(({ name, snapshots }) => [name, ...snapshots])
}
