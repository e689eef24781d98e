/**
 * What a translation between the dialects loses or fills in: all of it. The round trips of `round-trip.ts` hold the
 * translations to this table, and the page of the protocol shows it.
 */
import type { Dialect } from '../../runtime/core/ports.ts'

type Fields = Record<string, unknown>

/** Where a value that went to the other dialect and came back is another. */
export interface Difference {
  /** Dialect that it started in, and came back to. */
  readonly origin: Dialect
  /** The event that it started as. */
  readonly event: Fields
  /** Dotted, `[]` for what stands in a list; `type` alone for the whole event. */
  readonly path: string
  /** Undefined: absent. */
  readonly before: unknown
  readonly after: unknown
}

export interface Loss {
  readonly leg: 'GA to preview' | 'preview to GA'
  /** As the page names it. */
  readonly what: string
  readonly becomes: string
  readonly why: string
  readonly explains: (difference: Difference) => boolean
}

const whole = 'type'

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isLost = ({ after }: Difference) => after === undefined
const isAdded = ({ before }: Difference) => before === undefined
const at =
  (...paths: readonly string[]) =>
  ({ path }: Difference) =>
    paths.includes(path)
const isMcp = (value: unknown) => isFields(value) && String(value.type).startsWith('mcp')
const isTranscription = ({ session, type }: Fields) =>
  (isFields(session) && session.type === 'transcription') || String(type).startsWith('transcription_')
/** How a list of modalities is understood: audio comes with its text. */
const heard = (modalities: unknown) =>
  Array.isArray(modalities) && modalities.includes('audio') ? 'audio' : 'text'
const ofGa = ({ origin }: Difference) => origin === 'ga'
const ofPreview = ({ origin }: Difference) => origin === 'preview'

const refusesUpdate = 'The preview refuses a whole message for one field that it does not know'
const lists = ['session.tools[]', 'response.tools[]']
const itemLists = ['response.input[]', 'response.output[]']

/** Fields that GA alone has, one row each. */
const gaFields = [
  ...['parallel_tool_calls', 'prompt', 'reasoning'].flatMap(name => [`session.${name}`, `response.${name}`]),
  'session.truncation',
  'session.audio.input.turn_detection.idle_timeout_ms',
  'session.audio.input.noise_reduction.strength',
  ...['delay', 'keywords', 'languages'].map(name => `session.audio.input.transcription.${name}`),
]

const turnFields: Readonly<Record<string, readonly string[]>> = {
  server_vad: ['threshold', 'prefix_padding_ms', 'silence_duration_ms'],
  semantic_vad: ['eagerness'],
}

/** Events that the preview does not have. */
const gaEvents =
  /^(mcp_list_tools|response\.mcp_call|conversation\.item\.input_audio_transcription\.segment$|input_audio_buffer\.(dtmf_event_received|timeout_triggered)$)/

export const losses: readonly Loss[] = [
  ...gaFields.map(
    (path): Loss => ({
      leg: 'GA to preview',
      what: `\`${path}\``,
      becomes: 'left out',
      why: refusesUpdate,
      explains: difference => ofGa(difference) && isLost(difference) && at(path)(difference),
    }),
  ),
  {
    leg: 'GA to preview',
    what: '`session.tracing`',
    becomes: 'left out',
    why: 'The beta of OpenAI had it; the preview of Azure, the only one still served, refuses the message',
    explains: difference => isLost(difference) && at('session.tracing')(difference),
  },
  {
    leg: 'GA to preview',
    what: '`session.include` of a conversation',
    becomes: 'left out',
    why: 'The preview has it in transcription sessions only',
    explains: difference =>
      isLost(difference) && at('session.include')(difference) && !isTranscription(difference.event),
  },
  {
    leg: 'GA to preview',
    what: 'an audio format without `type`',
    becomes: 'left out',
    why: 'The preview writes a format as one word; its default is the same PCM',
    explains: ({ path, before, after }) =>
      path.endsWith('put.format') && after === undefined && isFields(before) && !('type' in before),
  },
  {
    leg: 'GA to preview',
    what: 'a voice with an `id`',
    becomes: 'left out',
    why: 'The preview identifies a voice by its name',
    explains: ({ path, before, after }) =>
      path.endsWith('audio.output.voice') && after === undefined && isFields(before),
  },
  {
    leg: 'GA to preview',
    what: 'tools of an MCP server',
    becomes: 'left out of `tools`',
    why: refusesUpdate,
    explains: ({ path, before, after }) => lists.includes(path) && after === undefined && isMcp(before),
  },
  {
    leg: 'GA to preview',
    what: '`tool_choice` of an MCP server',
    becomes: 'left out',
    why: refusesUpdate,
    explains: ({ path, before, after }) =>
      path.endsWith('.tool_choice') && after === undefined && isMcp(before),
  },
  {
    leg: 'GA to preview',
    what: 'items about an MCP server, in `input` and `output`',
    becomes: 'left out of the list',
    why: 'The preview has no such items',
    explains: ({ path, before, after }) => itemLists.includes(path) && after === undefined && isMcp(before),
  },
  {
    leg: 'GA to preview',
    what: 'events about an item of an MCP server',
    becomes: 'not shown',
    why: 'The preview has no such items',
    explains: difference =>
      ofGa(difference) && isLost(difference) && at(whole)(difference) && isMcp(difference.event.item),
  },
  {
    leg: 'GA to preview',
    what: 'events that the preview does not have, such as `mcp_list_tools.completed`',
    becomes: 'not shown',
    why: 'The tables above list them',
    explains: difference =>
      isLost(difference) && at(whole)(difference) && gaEvents.test(String(difference.event.type)),
  },
  {
    leg: 'GA to preview',
    what: '`conversation.item.done`',
    becomes: 'not shown',
    why: 'The preview announces an item once, with `conversation.item.created`',
    explains: difference =>
      isLost(difference) && at(whole)(difference) && difference.event.type === 'conversation.item.done',
  },
  {
    leg: 'preview to GA',
    what: '`conversation.item.created`',
    becomes: '`conversation.item.added`, and `conversation.item.done` for a complete item',
    why: 'GA announces an item twice',
    explains: ({ path, event, before, after }) => {
      if (path !== whole || !/^conversation\.item\.(added|created)$/.test(String(event.type))) return false
      const announced = ['conversation.item.added', 'conversation.item.done']
      return after === undefined
        ? event.type === 'conversation.item.created' && !isMcp(event.item)
        : before === undefined && announced.includes(String(after))
    },
  },
  {
    leg: 'preview to GA',
    what: '`conversation.created`',
    becomes: 'not shown',
    why: 'GA does not send it',
    explains: difference =>
      isLost(difference) && at(whole)(difference) && difference.event.type === 'conversation.created',
  },
  {
    leg: 'preview to GA',
    what: '`modalities` of `text` and `audio`',
    becomes: '`output_modalities` of `audio`',
    why: 'GA answers in one modality, and audio comes with its transcript',
    explains: ({ path, before, after }) =>
      /\.(output_)?modalities$/.test(path) &&
      Array.isArray(after) &&
      heard(before) === heard(after) &&
      new Set(after).size === after.length,
  },
  {
    leg: 'preview to GA',
    what: '`modalities` of a transcription session',
    becomes: 'left out',
    why: 'A transcription session has no output',
    explains: difference =>
      isLost(difference) && at('session.modalities')(difference) && isTranscription(difference.event),
  },
  {
    leg: 'preview to GA',
    what: '`temperature`',
    becomes: 'left out',
    why: 'GA refuses it',
    explains: difference =>
      ofPreview(difference) &&
      isLost(difference) &&
      at('session.temperature', 'response.temperature')(difference),
  },
  {
    leg: 'preview to GA',
    what: '`session.client_secret`',
    becomes: 'left out',
    why: 'GA has a separate address for keys',
    explains: difference =>
      ofPreview(difference) && isLost(difference) && at('session.client_secret')(difference),
  },
  {
    leg: 'preview to GA',
    what: 'in `turn_detection`, what belongs to the other type',
    becomes: 'left out',
    why: 'GA refuses it; without `type`, the type is `server_vad`',
    explains: ({ path, event, after }) => {
      const turns = isFields(event.session) ? event.session.turn_detection : undefined
      if (after !== undefined || !isFields(turns)) return false
      const own = turnFields[String(turns.type ?? 'server_vad')] ?? []
      const others = Object.values(turnFields).flat()
      return others.some(name => path === `session.turn_detection.${name}` && !own.includes(name))
    },
  },
  {
    leg: 'preview to GA',
    what: '`turn_detection` without `type`',
    becomes: '`server_vad`',
    why: 'It is the default of the preview, and GA requires the field',
    explains: difference =>
      isAdded(difference) &&
      difference.path === 'session.turn_detection.type' &&
      difference.after === 'server_vad',
  },
  {
    leg: 'preview to GA',
    what: "an item's `object`",
    becomes: 'left out; added again for the preview',
    why: 'GA announces items without it; it is always `realtime.item`',
    explains: ({ path, before, after }) =>
      /(^|\.)(item|input\[\]|output\[\])\.object$/.test(path) && (before ?? after) === 'realtime.item',
  },
  {
    leg: 'preview to GA',
    what: '`pcm16`',
    becomes: '`audio/pcm` with its rate of 24000',
    why: 'It is the only rate',
    explains: difference =>
      ofGa(difference) &&
      isAdded(difference) &&
      difference.path.endsWith('put.format.rate') &&
      difference.after === 24_000,
  },
]

/** What a translated message or event holds that the other dialect's type files do not have. */
export interface Misfit {
  readonly origin: Dialect
  readonly side: 'client' | 'server'
  readonly event: Fields
  readonly translated: Fields
  readonly misfit: string
}

export interface Exception {
  readonly leg: Loss['leg']
  readonly what: string
  readonly why: string
  readonly explains: (misfit: Misfit) => boolean
}

export const exceptions: readonly Exception[] = [
  {
    leg: 'GA to preview',
    what: 'images, and items about an MCP server, that a client adds to a conversation',
    why: 'The preview then refuses them with an error that names them; an answer that silently ignores them would mislead',
    explains: ({ origin, side, translated }) =>
      origin === 'ga' && side === 'client' && itemsOf(translated).some(item => isMcp(item) || hasImage(item)),
  },
  {
    leg: 'GA to preview',
    what: '`turn_detection` of null',
    why: 'The documents of the preview allow it; its type files do not have it',
    explains: ({ misfit }) => misfit === 'session.turn_detection is null',
  },
  {
    leg: 'GA to preview',
    what: "an assistant's audio in the `input` of a response",
    why: 'The type files of the preview have such a part in the items of a conversation',
    explains: ({ origin, misfit }) =>
      origin === 'ga' && misfit === 'response.input[].content[].type is "audio"',
  },
  {
    leg: 'GA to preview',
    what: 'images in events of the server',
    why: 'A client reads the parts that it knows',
    explains: ({ origin, side, translated }) =>
      origin === 'ga' && side === 'server' && itemsOf(translated).some(hasImage),
  },
  {
    leg: 'GA to preview',
    what: '`transcription_session.created`',
    why: 'The preview sends it; its type files have only `transcription_session.updated`',
    explains: ({ translated }) => translated.type === 'transcription_session.created',
  },
  {
    leg: 'GA to preview',
    what: '`transcription_session.updated` without `client_secret`',
    why: 'A session that was not opened with an ephemeral key has none',
    explains: ({ translated, misfit }) =>
      translated.type === 'transcription_session.updated' && misfit === 'session.client_secret is missing',
  },
  {
    leg: 'preview to GA',
    what: '`response.function_call_arguments.done` without `name`',
    why: 'The preview names the function in `response.output_item.added`; the gateway adds the name if it has seen that event',
    explains: ({ translated, misfit }) =>
      translated.type === 'response.function_call_arguments.done' && misfit === 'name is missing',
  },
]

/** Items that a message or an event carries. */
export function itemsOf({ item, response }: Fields): unknown[] {
  const { input, output } = isFields(response) ? response : {}
  return [item, input, output].flat().filter(each => each !== undefined)
}

function hasImage(item: unknown): boolean {
  const content = isFields(item) && Array.isArray(item.content) ? item.content : []
  return content.some(
    part => isFields(part) && ('image_url' in part || 'detail' in part || part.type === 'input_image'),
  )
}
