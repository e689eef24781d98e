/** The settings that all pages share: language and appearance. */
import { type Language, language } from '../language/language.ts'
import { part } from './page.ts'

/** The cookie by which the gateway chooses a page's language, before what the browser asks for. */
const languageCookie = 'language'
/** A year. */
const cookieSeconds = 31_536_000

type Theme = 'system' | 'light' | 'dark'

const storedTheme = 'theme'

/** The kept appearance; the system's where nothing is kept. */
function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(storedTheme)
    return kept === 'light' || kept === 'dark' ? kept : 'system'
  } catch {
    return 'system'
  }
}

function useTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

function keepTheme(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(storedTheme)
    else localStorage.setItem(storedTheme, theme)
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
}

/** Keeps the choice and loads the page in it; what a page has to keep over that is in the tab's storage. */
function chooseLanguage(chosen: Language): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the gateway reads it, and the Cookie Store API is not everywhere
  document.cookie = `${languageCookie}=${chosen}; path=/; max-age=${cookieSeconds}; samesite=lax`
  location.reload()
}

/** Joins the menu of the masthead, and applies what was chosen before. */
export function joinMenu(): void {
  const theme = part('#theme', HTMLSelectElement)
  theme.value = readTheme()
  useTheme(readTheme())
  theme.onchange = () => {
    useTheme(theme.value as Theme)
    keepTheme(theme.value as Theme)
  }
  const choice = part('#language', HTMLSelectElement)
  choice.value = language
  choice.onchange = () => chooseLanguage(choice.value as Language)
}
