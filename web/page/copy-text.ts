/** Copies text, and says on the button that was pressed what came of it. */
import { say } from '../language/language.ts'

const saidForMs = 2000

/** @param shown where the text stands; it is selected where the browser does not let pages copy. Null: nowhere as a whole */
export function copyText(text: string, button: HTMLButtonElement, shown: HTMLElement | null): void {
  const tell = (words: string) => {
    button.textContent = words
    window.setTimeout(() => {
      button.textContent = say('Copy')
    }, saidForMs)
  }
  // The DOM library promises a clipboard; browsers give it in secure contexts only.
  const clipboard: Clipboard | undefined = navigator.clipboard
  const written = clipboard ? clipboard.writeText(text) : Promise.reject(new Error('no clipboard'))
  written.then(
    () => tell(say('Copied')),
    () => {
      if (shown === null) return tell(say('This browser does not let pages copy'))
      getSelection()?.selectAllChildren(shown)
      tell(say('Press Ctrl+C'))
    },
  )
}
