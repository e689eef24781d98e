/** The members of one list in memory, soonest to expire first. */

export class Listing {
  /** When each expires; in that order unless `#isSorted` says otherwise. */
  #members = new Map<string, number>()
  #latest = 0
  #isSorted = true

  /** Adds a member, or prolongs it. Lists whose members live equally long keep their order by themselves. */
  add(member: string, expiresAt: number): void {
    this.#members.delete(member)
    this.#members.set(member, expiresAt)
    if (expiresAt < this.#latest) this.#isSorted = false
    this.#latest = Math.max(this.#latest, expiresAt)
  }

  delete(member: string): void {
    this.#members.delete(member)
  }

  /** Forgets what has expired, and reads a page of the rest. The cost is of these two, not of the list's length. */
  page(now: number, offset: number, count: number): { members: string[]; total: number } {
    if (!this.#isSorted) this.#sort()
    for (const [member, expiresAt] of this.#members) {
      if (expiresAt > now) break
      this.#members.delete(member)
    }
    const members: string[] = []
    let at = 0
    for (const member of this.#members.keys()) {
      if (at >= offset + count) break
      if (at >= offset) members.push(member)
      at += 1
    }
    return { members, total: this.#members.size }
  }

  #sort(): void {
    this.#members = new Map([...this.#members].sort(([, a], [, b]) => a - b))
    this.#isSorted = true
  }
}
