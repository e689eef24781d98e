/** Rules of a gateway with one deployment, for tests that are about something else. */
import { openPolicy } from '../../runtime/session/session-policy.ts'
import type { MessageRules } from '../../runtime/upstream/message-check.ts'
import type { ModelPermit } from '../../runtime/upstream/model-permit.ts'

export function permitOf(deployment: string, transcription: readonly string[] = []): ModelPermit {
  return {
    choice: { deployments: [deployment], onRequest: [], aliases: [] },
    transcription: { conversation: transcription, transcription, translation: transcription },
    translation: ['gpt-realtime-translate'],
  }
}

export const someRules: MessageRules = {
  permit: permitOf('gpt-realtime', ['gpt-transcribe']),
  purpose: 'conversation',
  policy: openPolicy,
}
