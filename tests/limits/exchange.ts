/** A client and an upstream that are not there: what each was told is written down. */

import type { ChatOptions } from '../../runtime/chat/chat.ts'
import type { Client, Upstream, UpstreamListener } from '../../runtime/core/ports.ts'
import { createTranslator } from '../../runtime/dialect/translate.ts'
import { createFilter } from '../../runtime/events/filter.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import type { RealtimeOptions } from '../../runtime/realtime/realtime.ts'
import { ResumeStore } from '../../runtime/resume/resume-store.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { someContext } from '../server/some-context.ts'
import { someRules } from '../upstream/some-rules.ts'

export type Said = { type: string } & Record<string, unknown>

export function createExchange() {
  const toClient: string[] = []
  const toUpstream: string[] = []
  let listener: UpstreamListener | null = null
  const client: Client = {
    id: 'c1',
    send: message => toClient.push(asText(message)) > 0,
    buffered: () => 0,
    probe: () => undefined,
    close: () => undefined,
  }
  const upstream: Upstream = {
    send: data => void toUpstream.push(asText(data)),
    buffered: () => 0,
    pause: () => undefined,
    giveUp: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  }
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const parts = {
    metrics: createMetrics({ revision: 'r', replica: 'r' }),
    readType: createTypeReader(),
    dialect: 'ga',
    resumes: new ResumeStore({ store: createMemoryStore(), log: silent, maxHeldBytes: 1_000_000 }),
  } as const
  const realtimeOptions: RealtimeOptions = {
    ...parts,
    filter: createFilter(['*']),
    extractor: null,
    autoClose: false,
    sessionUpdate: null,
    translator: createTranslator('ga', 'upstream'),
    mode: 'managed',
    rules: someRules,
  }
  const chatOptions: ChatOptions = {
    ...parts,
    label: 'it',
    settings: { voice: 'alloy', textOnly: false },
    audioInput: { turnDetection: { type: 'server_vad' }, transcription: 'gpt-4o-mini-transcribe' },
  }
  const context = someContext({
    dial: asked => {
      listener = asked
      return () => undefined
    },
  })
  const read = (texts: string[]) => texts.map(text => JSON.parse(text) as Said)
  return {
    client,
    context,
    realtimeOptions,
    chatOptions,
    open: () => listener?.opened(upstream),
    event: (event: object) => listener?.event(Buffer.from(JSON.stringify(event)), false),
    /** Upstream ends. @param code of its close frame */
    lose: (code: number) => listener?.closed(code, ''),
    told: () => read(toClient),
    sent: () => read(toUpstream),
    /** As they came, byte for byte. */
    toldTexts: toClient,
    sentTexts: toUpstream,
  }
}

function asText(message: string | Uint8Array): string {
  return typeof message === 'string' ? message : Buffer.from(message).toString()
}
