/** The MCP servers that a session has been told of: each is asked for its tools once. */
import { simulatedTools } from '../model/mcp.ts'
import type { Item, Tool } from '../protocol/types.ts'
import type { Context } from './context.ts'
import type { ItemEvents } from './item-events.ts'
import type { Timeline } from './timeline.ts'

const listingMs = 80

export class McpServers {
  readonly #context: Context
  readonly #timeline: Timeline
  readonly #items: ItemEvents
  readonly #known = new Set<string>()

  constructor(context: Context, timeline: Timeline, items: ItemEvents) {
    this.#context = context
    this.#timeline = timeline
    this.#items = items
  }

  /** Asks the servers that are new among the session's tools. */
  discover(): void {
    for (const tool of this.#context.config.tools) {
      const label = tool.server_label
      if (tool.type !== 'mcp' || label === undefined || this.#known.has(label)) continue
      this.#known.add(label)
      this.#list(tool, label)
    }
  }

  #list(server: Tool, label: string): void {
    const { ids, emit, rate } = this.#context
    const item: Item = { id: ids.next('item'), type: 'mcp_list_tools', server_label: label, tools: [] }
    emit({ type: 'mcp_list_tools.in_progress', item_id: item.id })
    const entry = { item, memory: null }
    this.#items.announce(entry)
    this.#timeline.after(listingMs / rate, () => {
      const tools = simulatedTools(server)
      item.tools = tools ?? []
      this.#items.complete(entry)
      emit({ type: `mcp_list_tools.${tools === null ? 'failed' : 'completed'}`, item_id: item.id })
    })
  }
}
