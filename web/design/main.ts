/** The design page: development only. It shows the colours and every component in every state. */
import { Masthead } from '../page/masthead.ts'
import { part } from '../page/page.ts'

const colours = [
  'paper',
  'surface',
  'ink',
  'ink-soft',
  'ink-faint',
  'line',
  'line-strong',
  'accent',
  'accent-ink',
  'accent-wash',
  'amber',
  'amber-wash',
  'red',
  'red-wash',
]

new Masthead()
part('#swatches', HTMLElement).append(
  ...colours.map(name => {
    const element = document.createElement('li')
    const swatch = document.createElement('i')
    swatch.style.setProperty('--swatch', `var(--${name})`)
    element.append(swatch, name)
    return element
  }),
)
