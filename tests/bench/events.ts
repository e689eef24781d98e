/** The events that are relayed: of the API's own shape, of an exact size. */

/**
 * A `turn` is the end of a response, and the source sends its beginning before it. A `call` is a response that calls a tool,
 * and once that is answered another one, which ends like a turn.
 */
export type Kind = 'audio' | 'dropped' | 'record' | 'order' | 'append' | 'end' | 'turn' | 'call'

const ids =
  '"event_id":"event_123456789012345678901","response_id":"resp_123456789012345678901","item_id":"item_123456789012345678901"'

/** Where an audio event says when it was sent: microseconds, in so many digits. */
export const stampAt = '{"type":"response.output_audio.delta","at":"'.length
export const stampDigits = 16

const responseId = 'resp_123456789012345678901'

/** What begins the response that a `turn` ends. */
export const turnBegins = Buffer.from(
  `{"type":"response.created",${ids},"response":{"id":"${responseId}","status":"in_progress"}}`,
)

const turnEnds = `{"type":"response.done",${ids},"response":{"id":"${responseId}","status":"completed","usage":{"total_tokens":5,"input_tokens":3,"output_tokens":2},"output":[],"note":"`

/** The item that a `call` says in the end, so that its response is shown. */
export const itemBegins = Buffer.from(
  `{"type":"response.output_item.added",${ids},"output_index":0,"item":{"id":"item_1","type":"message","role":"assistant","status":"in_progress","content":[]}}`,
)

/** The events of a response that calls a tool. @param number tells calls apart */
export function callEvents(number: number): Buffer[] {
  const id = `resp_call_${number}`
  const item = {
    ...{ id: `item_call_${number}`, type: 'function_call', status: 'completed', call_id: `call_${number}` },
    ...{ name: 'look_up', arguments: '{"word":"espresso"}' },
  }
  return [
    { type: 'response.created', response: { id, status: 'in_progress' } },
    { type: 'conversation.item.added', item },
    { type: 'conversation.item.done', item },
    { type: 'response.output_item.done', response_id: id, output_index: 0, item },
    { type: 'response.done', response: { id, status: 'completed', output: [item] } },
  ].map(event => Buffer.from(JSON.stringify(event)))
}

const starts: Readonly<Record<Kind, string>> = {
  audio: `{"type":"response.output_audio.delta","at":"${'0'.repeat(stampDigits)}",${ids},"delta":"`,
  dropped: `{"type":"response.output_audio_transcript.delta",${ids},"delta":"`,
  record: `{"type":"response.output_text.done",${ids},"text":"Here it is: {\\"words\\":[\\"`,
  order: `{"type":"response.output_text.done",${ids},"text":"`,
  append: '{"type":"input_audio_buffer.append","audio":"',
  end: `{"type":"response.content_part.done",${ids},"part":"`,
  turn: turnEnds,
  call: turnEnds,
}

/** What is extracted from an `order`: a few words of many. */
export const order = '{"intent":"order","items":[{"name":"espresso","count":2}],"table":7}'

const ends: Readonly<Partial<Record<Kind, string>>> = {
  record: '\\"]} and that is all."}',
  order: `${JSON.stringify(order).slice(1, -1)}"}`,
  turn: '"}}',
  call: '"}}',
}

/** What a model says around an `order`, as JSON has it. */
const words =
  'Of course! That was two times \\"espresso\\", for table 7.\\nI have noted it, and it will be with you in a moment.\\n\\n'

/** Makes an event of `bytes` bytes. */
export function makeEvent(kind: Kind, bytes: number): Buffer {
  const start = starts[kind]
  const end = ends[kind] ?? '"}'
  const left = Math.max(0, bytes - start.length - end.length)
  const filling = kind === 'order' ? words.repeat(left / words.length).padEnd(left) : 'A'.repeat(left)
  return Buffer.from(`${start}${filling}${end}`)
}

/** Microseconds of the machine's own clock, the same in every process. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
