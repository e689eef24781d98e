/** Earlier conversations of this tab: read, and saved as files. */
import { language, say } from '../language/language.ts'
import { copyTemplate, part } from '../page/page.ts'
import { download, toJson, toText } from './export.ts'
import { type PastConversation, readPast } from './kept-conversation.ts'
import { talkOf, titleOf, wordsOf } from './turn-record.ts'

/** Characters of a conversation's first words that name it. */
const maxTitleChars = 60

/** The dialog with the list. */
export class PastDialog {
  readonly #dialog = part('#past', HTMLDialogElement)
  readonly #open = part('#past-open', HTMLButtonElement)

  constructor() {
    this.#open.onclick = () => {
      this.#fill()
      this.#dialog.showModal()
    }
    part('#past-close', HTMLButtonElement).onclick = () => this.#dialog.close()
    this.refresh()
  }

  /** Shows the button where there is something to read. */
  refresh(): void {
    this.#open.hidden = readPast().length === 0
  }

  #fill(): void {
    part('#past-list', HTMLElement).replaceChildren(...readPast().map(createEntry))
  }
}

function createEntry(past: PastConversation): HTMLElement {
  const element = copyTemplate('#past-template')
  const title = titleOf(past.turns).slice(0, maxTitleChars) || say('Spoken')
  part('.past-title', HTMLElement, element).textContent = title
  const when = new Date(past.at).toLocaleTimeString(language, { hour: 'numeric', minute: '2-digit' })
  part('.past-when', HTMLElement, element).textContent = when
  part('.past-words', HTMLElement, element).replaceChildren(
    ...talkOf(past.turns).map(turn => {
      const line = document.createElement('p')
      line.dir = 'auto'
      line.textContent = `${turn.role === 'user' ? say('You') : say('Assistant')}: ${wordsOf(turn)}`
      return line
    }),
  )
  part('.past-text', HTMLButtonElement, element).onclick = () =>
    download(toText(past.turns), 'text/plain', 'txt')
  part('.past-json', HTMLButtonElement, element).onclick = () =>
    download(toJson(past.turns), 'application/json', 'json')
  return element
}
