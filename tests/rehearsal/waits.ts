/** Waiting for what messages bring about. */

export class Waits {
  readonly #checks = new Set<() => void>()

  /** Something has changed: whoever waits looks again. */
  changed(): void {
    for (const check of [...this.#checks]) check()
  }

  until(done: () => boolean): Promise<void> {
    return new Promise(resolve => {
      const check = () => {
        if (!done()) return
        this.#checks.delete(check)
        resolve()
      }
      this.#checks.add(check)
      check()
    })
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
