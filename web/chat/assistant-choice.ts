/** The choice of an assistant, where the gateway has more than one for the caller. */
import type { Access } from '../access/access.ts'
import { language } from '../language/language.ts'
import { part } from '../page/page.ts'

/** An assistant as `GET /assistants` names it. */
export interface Assistant {
  name: string
  /** Tells it from the others. */
  title: string
}

/** The assistant that the gateway takes where none is named. */
const defaultName = 'default'
/** Names it in the page's own address, as it does in a socket's. */
const parameter = 'assistant'

/** The list of assistants; hidden while there is nothing to choose. */
export class AssistantChoice {
  readonly #row = part('#assistant-row', HTMLElement)
  readonly #choice = part('#assistant', HTMLSelectElement)
  readonly #onUnknown: (name: string) => void
  #wanted: string

  /**
   * @param wanted the assistant that is asked for; '' for the gateway's default
   * @param onChange another one was chosen: another conversation begins
   * @param onUnknown the gateway does not have the one that is asked for; its default answers
   */
  constructor(wanted: string, onChange: (name: string) => void, onUnknown: (name: string) => void) {
    this.#wanted = wanted
    this.#onUnknown = onUnknown
    this.#choice.onchange = () => {
      this.#wanted = this.#choice.value
      showInAddress(this.#wanted)
      onChange(this.#wanted)
    }
  }

  /** What a dial names; '' for the gateway's default. */
  get name(): string {
    return this.#wanted
  }

  /** Asks the gateway which assistants there are. A gateway that knows none leaves the page without a choice. */
  async load(access: Access): Promise<void> {
    try {
      const response = await access.fetch('/assistants')
      this.#show(readAssistants(await response.json()))
    } catch {
      this.#row.hidden = true
    }
  }

  #show(assistants: readonly Assistant[]): void {
    this.#row.hidden = assistants.length < 2
    this.#choice.replaceChildren(...assistants.map(({ name, title }) => new Option(title, name)))
    const wanted = this.#wanted
    if (wanted !== '' && !assistants.some(({ name }) => name === wanted)) {
      this.#wanted = ''
      showInAddress('')
      this.#onUnknown(wanted)
    }
    const usual = assistants.find(({ name }) => name === defaultName) ?? assistants[0]
    this.#choice.value = this.#wanted || (usual?.name ?? '')
  }
}

/** The assistant that the page's address names; undefined where it names none. */
export function assistantInAddress(): string | undefined {
  return new URLSearchParams(location.search).get(parameter)?.trim() || undefined
}

/** A reload, or a link to the page, leads to the same assistant. */
function showInAddress(name: string): void {
  const url = new URL(location.href)
  if (name === '') url.searchParams.delete(parameter)
  else url.searchParams.set(parameter, name)
  history.replaceState(history.state, '', url)
}

/**
 * Reads the answer of `GET /assistants`: `{"assistants":[…]}` or the array alone, of names or objects with `name` and
 * perhaps `description` and `title`, which may be one text or a text by language.
 */
export function readAssistants(body: unknown): Assistant[] {
  const list = isFields(body) ? body.assistants : body
  if (!Array.isArray(list)) return []
  return list.flatMap(entry => {
    if (typeof entry === 'string') return [{ name: entry, title: entry }]
    if (!isFields(entry) || typeof entry.name !== 'string') return []
    const title = titleOf(entry.title) ?? entry.name
    const { description } = entry
    return [{ name: entry.name, title: typeof description === 'string' ? `${title}: ${description}` : title }]
  })
}

function titleOf(title: unknown): string | undefined {
  const text = isFields(title) ? (title[language] ?? title.en) : title
  return typeof text === 'string' && text !== '' ? text : undefined
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
