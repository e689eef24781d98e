/** How much is kept of one conversation. */

/**
 * Limits of what is kept of one conversation, in memory and in the store (bytes of its JSON as UTF-8).
 * Beyond `items` the oldest are forgotten first, and an item that is larger by itself is not kept. A
 * `session.update` that would make the settings larger than `settings` is not kept: `settingsKept` says so.
 */
export interface ConversationLimits {
  readonly items: number
  readonly settings: number
}

/** 256 KiB hold some 40,000 words; instructions and tools of a session have at most 16,384 tokens. */
export const conversationLimits: ConversationLimits = { items: 256 * 1024, settings: 128 * 1024 }
