/** Closed sets of values that both dialects share (OpenAI API reference, "Realtime" client events). */
import { namesAtOpenai } from '../../models/models.ts'

export const voices = [
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'sage',
  'shimmer',
  'verse',
  'marin',
  'cedar',
]

export const transcriptionModels = namesAtOpenai('transcription')

const speechModels = namesAtOpenai('speech')

/** Whether OpenAI's own door takes a model in `?model=`, retired ones included. Azure takes any deployment name. */
export function isSpeechModel(model: string): boolean {
  return speechModels.includes(model)
}

const translationModels = namesAtOpenai('translation')

export function isTranslationModel(model: string): boolean {
  return translationModels.includes(model)
}

export const maxIdLength = 32
export const maxMetadataEntries = 16
export const maxMetadataKeyLength = 64
export const maxMetadataValueLength = 512
export const maxOutputTokens = 4096
export const maxTools = 128

/** Audio bytes of one `input_audio_buffer.append`, decoded. */
export const maxAppendBytes = 15 * 1024 * 1024
