/** A data channel as a line into a session. */
import type { RTCDataChannel } from 'werift'
import type { Session } from '../session/session.ts'
import type { Dialect, Wire } from '../session/wire.ts'

/** What a browser is told when the call was made with `webrtcfilter=on` (Azure, "Realtime API via WebRTC"). */
const unfiltered = new Set([
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'output_audio_buffer.started',
  'output_audio_buffer.stopped',
  'conversation.item.input_audio_transcription.completed',
  'conversation.item.added',
  'conversation.item.created',
  'response.output_text.delta',
  'response.output_text.done',
  'response.output_audio_transcript.delta',
  'response.output_audio_transcript.done',
])

/** Leaves only the events that a filtered browser may see: no prompt, no tools. */
export function filteredDialect(dialect: Dialect): Dialect {
  return { ...dialect, outward: event => dialect.outward(event).filter(({ type }) => unfiltered.has(type)) }
}

/** Makes a line of a channel and gives what it receives to the session. */
export function createChannelWire(channel: RTCDataChannel, dialect: Dialect, session: Session): Wire {
  const wire: Wire = {
    kind: 'channel',
    dialect,
    send: text => {
      if (channel.readyState !== 'open') return
      try {
        channel.send(text)
      } catch {
        // Larger than the browser said it takes: the real API closes the channel without a word.
        channel.close()
      }
    },
    buffered: () => channel.bufferedAmount,
    close: () => {
      if (channel.readyState === 'open') channel.close()
    },
  }
  channel.onMessage.subscribe(message => {
    if (typeof message === 'string') session.receive(message, wire)
    else session.receiveBinary(wire)
  })
  return wire
}
