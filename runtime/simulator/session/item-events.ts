/** What the `conversation.item.*` events do. */
import { pcmRate } from '../../core/contract.ts'
import { type ClientEvent, type Item, Refusal } from '../protocol/types.ts'
import { bytesPerMs, encodeAudio } from '../voice/formats.ts'
import type { Context } from './context.ts'
import type { Entry } from './conversation.ts'
import { entryOf } from './items.ts'

const samplesPerMs = pcmRate / 1000

export class ItemEvents {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** @throws Refusal */
  perform(event: ClientEvent): void {
    switch (event.type) {
      case 'conversation.item.create':
        return this.#create(event)
      case 'conversation.item.retrieve':
        return this.#retrieve(String(event.item_id))
      case 'conversation.item.delete':
        return this.#delete(String(event.item_id))
      case 'conversation.item.truncate':
        return this.#truncate(event)
    }
  }

  /** Puts an item in and says so: `added`, then `done`. */
  add(entry: Entry, after?: string | null): void {
    this.announce(entry, after)
    this.complete(entry)
  }

  /** Puts an item in that is not complete yet. */
  announce(entry: Entry, after?: string | null): void {
    const previous = this.#context.conversation.insert(entry, after)
    this.#context.emit({
      type: 'conversation.item.added',
      previous_item_id: previous,
      item: { ...entry.item },
    })
  }

  complete({ item }: Entry): void {
    const previous = this.#context.conversation.previousId(item.id)
    this.#context.emit({ type: 'conversation.item.done', previous_item_id: previous, item: { ...item } })
  }

  truncatePlayed(itemId: string, playedMs: number): void {
    const entry = this.#context.conversation.entries().find(({ item }) => item.id === itemId)
    if (entry?.spoken !== undefined) this.#cut(entry, Math.round(Math.min(playedMs, entry.spoken.ms)))
  }

  #create(event: ClientEvent): void {
    const { ids, config } = this.#context
    const entry = entryOf(event.item as Item, ids.next('item'), config.audio.input.format)
    this.#checkReference(entry.item)
    this.add(entry, event.previous_item_id as string | null | undefined)
  }

  #checkReference({ type, call_id: callId, approval_request_id: requestId }: Item): void {
    const items = this.#context.conversation.entries().map(({ item }) => item)
    if (type === 'function_call_output' && !items.some(item => isCall(item, callId)))
      throw unknownCall(callId)
    if (type === 'mcp_approval_response' && !items.some(item => item.id === requestId))
      throw unknownRequest(requestId)
  }

  #retrieve(id: string): void {
    const entry = this.#context.conversation.find(id, 'retrieving item', 'item_retrieve_invalid_item_id')
    this.#context.emit({ type: 'conversation.item.retrieved', item: withAudio(this.#context, entry) })
  }

  #delete(id: string): void {
    const { conversation, emit } = this.#context
    conversation.find(id, 'deleting item', 'item_delete_invalid_item_id')
    conversation.remove(id)
    emit({ type: 'conversation.item.deleted', item_id: id })
  }

  #truncate(event: ClientEvent): void {
    const id = String(event.item_id)
    const entry = this.#context.conversation.find(id, 'truncating item', 'item_truncate_invalid_item_id')
    const endMs = Number(event.audio_end_ms)
    if (entry.spoken === undefined || event.content_index !== 0) throw notSpoken()
    if (endMs > Math.ceil(entry.spoken.ms)) throw tooLong(entry.spoken.ms, endMs)
    this.#cut(entry, endMs)
  }

  /** The words go with the sound: what was not heard is not known either. */
  #cut({ item, spoken }: Entry, audioEndMs: number): void {
    if (spoken !== undefined) Object.assign(spoken, { ms: audioEndMs, isCut: true })
    item.content = item.content?.map(({ transcript: _dropped, ...part }) => part) ?? []
    const place = { item_id: item.id, content_index: 0, audio_end_ms: audioEndMs }
    this.#context.emit({ type: 'conversation.item.truncated', ...place })
  }
}

/** An item with its audio: only `retrieve` gives it back. Speech of the model is made anew. */
function withAudio({ speaker }: Context, { item, audio, spoken, memory }: Entry): Item {
  const content = item.content?.map(part => {
    if (part.type === 'input_audio' && audio !== undefined)
      return { ...part, audio: audio.toString('base64') }
    if (part.type !== 'output_audio' || spoken === undefined) return part
    const sounds: Buffer[] = []
    let ms = 0
    for (const chunk of speaker.speak(memory?.text ?? '', spoken.voice, spoken.speed)) {
      if (ms >= spoken.ms) break
      sounds.push(encodeAudio(chunk.samples, spoken.format))
      ms += chunk.ms
    }
    const bytes = Buffer.concat(sounds)
    const wholeMs = Math.floor(spoken.ms * samplesPerMs) / samplesPerMs
    return {
      ...part,
      audio: bytes.subarray(0, Math.floor(wholeMs * bytesPerMs(spoken.format))).toString('base64'),
    }
  })
  return { ...item, ...(content !== undefined && { content }) }
}

function isCall(item: Item, callId: string | undefined): boolean {
  return item.type === 'function_call' && item.call_id === callId
}

function unknownCall(callId: string | undefined): Refusal {
  const message = `Tool call ID '${callId}' not found in conversation.`
  return new Refusal({ code: 'invalid_tool_call_id', message, param: 'item.call_id' })
}

function unknownRequest(requestId: string | null | undefined): Refusal {
  const message = `Approval request ID '${requestId}' not found in conversation.`
  return new Refusal({ code: 'invalid_approval_request_id', message, param: 'item.approval_request_id' })
}

function notSpoken(): Refusal {
  const message = 'Only model output audio messages can be truncated'
  return new Refusal({ code: 'unsupported_content_type', message })
}

function tooLong(haveMs: number, wantedMs: number): Refusal {
  const message = `Audio content of ${Math.floor(haveMs)}ms is already shorter than ${wantedMs}ms`
  return new Refusal({ code: 'invalid_value', message, param: 'audio_end_ms' })
}
