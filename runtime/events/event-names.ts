/**
 * Names of events that differ between general availability (GA) and the preview of 2024-25.
 * Source: Azure OpenAI "Migrate from preview to GA" and the openai package's `realtime` and
 * `beta/realtime` types.
 */

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

/**
 * Names a client's message as GA does; a name that was not changed, or is not known, stays as it is. Whoever decides on a
 * message by its type asks for this name: upstream takes both for one.
 */
export function gaMessageName(type: string): string {
  return type === 'transcription_session.update' ? 'session.update' : type
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
