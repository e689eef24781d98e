/** What happened in a call besides talk: tools, settings that were changed and put back, keys of a telephone. */
import { say, type Words } from '../language/language.ts'
import { secondsWords } from '../page/figures.ts'
import { copyTemplate, part } from '../page/page.ts'
import type { RealtimeEvent } from '../page/realtime-event.ts'
import type { ControlMessage, ToolStatus } from './control-messages.ts'
import { type Happening, Happenings } from './happenings.ts'

/** Lines that are shown; older ones go. */
const maxLines = 200
/** More of a tool's arguments or output than this is not shown (characters). */
const maxValueChars = 300

/** The list on the page. */
export class CallLog {
  readonly #list = part('#happenings', HTMLOListElement)
  readonly #words = part('#happenings-words', HTMLElement)
  readonly #onLine: (words: string) => void
  #happenings = new Happenings()
  #start = performance.now()

  /** @param onLine says a line to a screen reader */
  constructor(onLine: (words: string) => void) {
    this.#onLine = onLine
  }

  /** Another call begins. */
  restart(): void {
    this.#happenings = new Happenings()
    this.#start = performance.now()
    this.#list.replaceChildren()
    this.#words.hidden = false
  }

  /** Takes an event of either lane; one that came by both counts once. */
  receive(event: RealtimeEvent): void {
    for (const happening of this.#happenings.receive(event)) this.#show(happening)
  }

  /** Takes what the gateway itself says of the call. */
  receiveByControl(message: ControlMessage): void {
    for (const happening of this.#happenings.receiveByControl(message)) this.#show(happening)
  }

  #show(happening: Happening): void {
    const words = wordsOf(happening)
    this.#words.hidden = true
    const line = copyTemplate('#happening-template')
    line.dataset.kind = happening.kind
    part('time', HTMLElement, line).textContent = secondsWords(performance.now() - this.#start)
    part('.happening-words', HTMLElement, line).textContent = words
    this.#list.append(line)
    while (this.#list.childElementCount > maxLines) this.#list.firstElementChild?.remove()
    this.#list.scrollTop = this.#list.scrollHeight
    this.#onLine(words)
  }
}

const toolWords = {
  running: 'Tool {name} runs on the server',
  done: 'Tool {name} was done after {ms} ms',
  failed: 'Tool {name} failed after {ms} ms',
  interrupted: 'Tool {name} was interrupted after {ms} ms',
} as const satisfies Record<ToolStatus, Words>

function wordsOf(happening: Happening): string {
  switch (happening.kind) {
    case 'tool-called':
      return say('Tool {name} was called: {value}', {
        name: happening.name,
        value: shortened(happening.arguments),
      })
    case 'tool-answered':
      return say('Tool {name} answered: {value}', {
        name: happening.name,
        value: shortened(happening.output),
      })
    case 'server-tool':
      return say(toolWords[happening.status], { name: happening.name, ms: happening.ms })
    case 'assistant-event':
      return say('The assistant tells {name}: {value}', {
        name: happening.name,
        value: shortened(happening.data),
      })
    case 'settings-changed':
      return say('Settings were changed: {fields}', { fields: happening.fields.join(say(', ')) })
    case 'settings-put-back':
      return say('Settings were put back: {fields}', { fields: happening.fields.join(say(', ')) })
    case 'key':
      return say('Key {key} was pressed on the telephone', { key: happening.key })
  }
}

function shortened(text: string): string {
  return text.length > maxValueChars ? `${text.slice(0, maxValueChars)}…` : text
}
