/** Where a key is kept: in this tab, or on this device where the person asked for that. */

const name = 'gateway-key'

/** The kept key; '' where there is none, or where the browser keeps nothing. */
export function readKey(): string {
  try {
    return sessionStorage.getItem(name) ?? localStorage.getItem(name) ?? ''
  } catch {
    return ''
  }
}

/** @param onDevice also after the tab is closed */
export function keepKey(key: string, onDevice: boolean): void {
  forgetKey()
  try {
    const store = onDevice ? localStorage : sessionStorage
    store.setItem(name, key)
  } catch {
    // A browser that keeps nothing: the key lives as long as the page.
  }
}

export function forgetKey(): void {
  try {
    sessionStorage.removeItem(name)
    localStorage.removeItem(name)
  } catch {
    // Nothing is kept, so nothing is left.
  }
}
