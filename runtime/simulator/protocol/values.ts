/** Closed sets of values that both dialects share (OpenAI API reference, "Realtime" client events). */

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

export const transcriptionModels = [
  'whisper-1',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-mini-transcribe-2025-12-15',
  'gpt-4o-transcribe-diarize',
  'gpt-transcribe',
  'gpt-live-transcribe',
  'gpt-realtime-whisper',
]

const speechModels = [
  'gpt-realtime',
  'gpt-realtime-2025-08-28',
  'gpt-realtime-mini',
  'gpt-realtime-mini-2025-10-06',
  'gpt-realtime-mini-2025-12-15',
  'gpt-realtime-1.5',
  'gpt-realtime-2',
  'gpt-realtime-2.1',
  'gpt-realtime-2.1-mini',
]

const oldSpeechModels = /^gpt-4o(-mini)?-realtime-preview(-\d{4}-\d{2}-\d{2})?$/

/** Whether OpenAI's own door takes a model in `?model=`. Azure takes any deployment name. */
export function isSpeechModel(model: string): boolean {
  return speechModels.includes(model) || oldSpeechModels.test(model)
}

export const maxIdLength = 32
export const maxMetadataEntries = 16
export const maxMetadataKeyLength = 64
export const maxMetadataValueLength = 512
export const maxOutputTokens = 4096
export const maxTools = 128

/** Audio bytes of one `input_audio_buffer.append`, decoded. */
export const maxAppendBytes = 15 * 1024 * 1024
