/** Names of the events of the Realtime API. */

/** What the gateway itself says on `/realtime`; no pattern keeps it back. */
export const ownTypes: ReadonlySet<string> = new Set([
  'upstream.closed',
  'server.draining',
  'session.ticket',
  'session.resumed',
  'session.resume_failed',
  'session.renewed',
  'session.expiring',
  'extracted.json',
  'extracted.json.error',
])

/** What a client may send (OpenAI and Azure OpenAI Realtime API, both dialects). */
export const clientTypes: readonly string[] = `
session.update transcription_session.update
input_audio_buffer.append input_audio_buffer.commit input_audio_buffer.clear output_audio_buffer.clear
conversation.item.create conversation.item.retrieve conversation.item.truncate conversation.item.delete
response.create response.cancel
`
  .trim()
  .split(/\s+/)

/** What an upstream may send (OpenAI and Azure OpenAI Realtime API, GA names). */
export const serverTypes: readonly string[] = `
error session.created session.updated
conversation.item.added conversation.item.done conversation.item.retrieved conversation.item.deleted
conversation.item.truncated conversation.item.input_audio_transcription.delta
conversation.item.input_audio_transcription.completed conversation.item.input_audio_transcription.failed
conversation.item.input_audio_transcription.segment
input_audio_buffer.committed input_audio_buffer.cleared input_audio_buffer.speech_started
input_audio_buffer.speech_stopped input_audio_buffer.timeout_triggered
response.created response.done response.output_item.added response.output_item.done
response.content_part.added response.content_part.done response.output_text.delta response.output_text.done
response.output_audio.delta response.output_audio.done response.output_audio_transcript.delta
response.output_audio_transcript.done response.function_call_arguments.delta
response.function_call_arguments.done response.mcp_call_arguments.delta response.mcp_call_arguments.done
response.mcp_call.in_progress response.mcp_call.completed response.mcp_call.failed
mcp_list_tools.in_progress mcp_list_tools.completed mcp_list_tools.failed rate_limits.updated
`
  .trim()
  .split(/\s+/)
