/** Puts usage together: sums in the store, ends of sessions and conversations in the log and at a webhook. */
import type { Config } from '../config/config.ts'
import { shutdownSteps } from '../core/shutdown.ts'
import { ConversationEnds } from '../notifications/conversation-ends.ts'
import { EventOutbox, eventIdOf } from '../notifications/event-outbox.ts'
import { sendWebhook } from '../notifications/webhook-sender.ts'
import type { Log } from '../observability/log.ts'
import type { Store } from '../store/store.ts'
import { UsageLedger } from '../usage/ledger.ts'
import type { AccountParts, Summary } from '../usage/session-account.ts'

export interface Accounts {
  readonly parts: AccountParts
  readonly ledger: UsageLedger
  /** Writes what waits. @returns resolves when it is written, or that has taken too long */
  close(): Promise<void>
}

export function assembleAccounts(
  { usage, revision, replica }: Config,
  { store, log, now }: { readonly store: Store; readonly log: Log; readonly now: () => number },
): Accounts {
  const { webhook, pricing } = usage
  const ledger = new UsageLedger({ store, now, log })
  const outbox =
    webhook === null
      ? null
      : new EventOutbox({ store, now, log, send: (id, body) => sendWebhook(webhook, id, body, now()) })
  const tell = async (type: 'session.ended' | 'conversation.ended', subject: string, summary: Summary) => {
    log.info(type, summary)
    await outbox?.publish({ id: eventIdOf(type, subject), type, data: { ...summary, revision, replica } })
  }
  const ends = new ConversationEnds({
    store,
    now,
    log,
    onEnded: (conversation, summary) => tell('conversation.ended', conversation, summary),
  })
  const closeAll = async () => {
    await ends.close()
    await Promise.all([ledger.close(), outbox?.close()])
  }
  return {
    ledger,
    parts: {
      ledger,
      pricing,
      now,
      sessionEnded: (session, summary) => void tell('session.ended', session, summary),
      conversationEnded: (conversation, summary) => void tell('conversation.ended', conversation, summary),
      conversationKept: (...kept) => ends.keep(...kept),
    },
    close: () => {
      const tooLong = new Promise<void>(resolve => setTimeout(resolve, shutdownSteps.usageMs).unref())
      return Promise.race([closeAll(), tooLong])
    },
  }
}
