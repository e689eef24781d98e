/** The members of one list in memory, soonest to expire first; each may be charged with bytes. */

interface Member {
  expiresAt: number
  bytes: number
}

/** What a member takes besides its name (bytes). */
const memberOverheadBytes = 100

export class Listing {
  /** In the order in which they expire, unless `#isSorted` says otherwise. */
  #members = new Map<string, Member>()
  #latest = 0
  #isSorted = true
  /** No member expires before this. */
  #firstExpiry = Number.POSITIVE_INFINITY
  #charged = 0
  #memoryBytes = 0

  /** How many members there are, expired ones included that are not forgotten yet. */
  get size(): number {
    return this.#members.size
  }

  /** What all members are charged with (bytes). */
  get charged(): number {
    return this.#charged
  }

  /** What the list itself takes (bytes). */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** What the list would take more with this member (bytes). */
  growthBy(member: string): number {
    return this.#members.has(member) ? 0 : memoryOf(member)
  }

  /** Whether a member is listed, expired or not. */
  has(member: string): boolean {
    return this.#members.has(member)
  }

  /** @returns what a member is charged with (bytes); null for one that is not listed */
  chargeOf(member: string): number | null {
    return this.#members.get(member)?.bytes ?? null
  }

  /** Adds a member, or prolongs it. Lists whose members live equally long keep their order by themselves. */
  add(member: string, expiresAt: number, bytes = 0): void {
    this.delete(member)
    this.#members.set(member, { expiresAt, bytes })
    this.#charged += bytes
    this.#memoryBytes += memoryOf(member)
    if (expiresAt < this.#latest) this.#isSorted = false
    this.#latest = Math.max(this.#latest, expiresAt)
    this.#firstExpiry = Math.min(this.#firstExpiry, expiresAt)
  }

  delete(member: string): void {
    const held = this.#members.get(member)
    if (held === undefined) return
    this.#members.delete(member)
    this.#charged -= held.bytes
    this.#memoryBytes -= memoryOf(member)
  }

  /** Forgets what has expired. The cost is of what is forgotten, not of the list's length, unless the order is lost. */
  expire(now: number): void {
    if (now < this.#firstExpiry) return
    this.#sort()
    for (const [member, { expiresAt }] of this.#members) {
      if (expiresAt > now) {
        this.#firstExpiry = expiresAt
        return
      }
      this.delete(member)
    }
    this.#firstExpiry = Number.POSITIVE_INFINITY
  }

  /** Reads a page of the members. */
  page(offset: number, count: number): { members: string[]; total: number } {
    this.#sort()
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
    if (this.#isSorted) return
    this.#members = new Map([...this.#members].sort(([, a], [, b]) => a.expiresAt - b.expiresAt))
    this.#isSorted = true
  }
}

function memoryOf(member: string): number {
  return memberOverheadBytes + 2 * member.length
}
