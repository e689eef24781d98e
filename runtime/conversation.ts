/** What was said in a session, as text: enough to open another upstream session that knows it. */

export interface Utterance {
  readonly role: 'user' | 'assistant'
  readonly text: string
}

/** Older words are forgotten beyond this (characters); the newest utterance is always kept. */
export const maxConversationChars = 64 * 1024

export interface Conversation {
  add(role: Utterance['role'], text: string): void
  /** All that is remembered, oldest first. */
  utterances(): readonly Utterance[]
  /** Goes back to an earlier state. @param utterances as `utterances()` gave them */
  restore(utterances: readonly Utterance[]): void
}

/** @param maxChars limit of what is remembered (characters) */
export function createConversation(maxChars = maxConversationChars): Conversation {
  let said: readonly Utterance[] = []
  return {
    add(role, text) {
      const all = [...said, { role, text }]
      let chars = all.reduce((sum, utterance) => sum + utterance.text.length, 0)
      let first = 0
      while (chars > maxChars && first < all.length - 1) chars -= all[first++]?.text.length ?? 0
      said = all.slice(first)
    },
    utterances: () => said,
    restore(utterances) {
      said = utterances
    },
  }
}
