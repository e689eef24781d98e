/** The critical files, in groups, and the tests that must notice a fault in each. */
import { join } from 'node:path'
import type { Mutant } from './mutants.ts'

export const root = join(import.meta.dirname, '../..')

export interface Group {
  readonly name: string
  /** Source file → test files, all as paths from the root. */
  readonly tests: Readonly<Record<string, readonly string[]>>
}

/** What stands for a whole folder of critical files; a test compares it with the table. */
export const critical = [
  ...['session', 'resume', 'access', 'store', 'upstream', 'calls'].map(folder => `runtime/${folder}/*.ts`),
  'runtime/server/drain.ts',
]

/** Files without code that runs: types, and scripts that run in Redis. */
export const withoutCode = ['runtime/store/scripts.ts', 'runtime/store/store.ts']

/** @param files file's name → names of tests, both without their folders' beginning and their ends */
function group(name: string, folder: string, files: Readonly<Record<string, readonly string[]>>): Group {
  const tests = Object.entries(files).map(
    ([file, names]) => [`${folder}/${file}.ts`, names.map(test => `tests/${test}.test.ts`)] as const,
  )
  return { name, tests: Object.fromEntries(tests) }
}

export const groups: readonly Group[] = [
  group('session', 'runtime/session', {
    'upstream-leg': ['session/upstream-leg', 'session/session', 'session/session-bounds', 'calls/control'],
    'close-reason': [
      'session/session',
      'session/session-bounds',
      'gateway/faults',
      'chat/chat-upstream-lost',
    ],
    heartbeat: [
      'session/heartbeat',
      'session/session',
      'session/session-bounds',
      'upstream/connect',
      'server/client-socket',
    ],
    outbox: [
      'session/outbox',
      'session/session-bounds',
      'session/session',
      'resume/pending-resume',
      'realtime/realtime',
    ],
    'owed-words': ['gateway/transcription-usage'],
    'session-policy': ['session/session-policy', 'gateway/pinned'],
    'response-state': [
      'session/response-state',
      'session/session',
      'resume/pending-answers',
      'tools/server-tools',
    ],
    'sent-messages': ['session/sent-messages', 'session/session', 'resume/pending-answers'],
    'pinned-session': ['session/pinned-session', 'calls/control', 'calls/calls', 'calls/faults'],
    session: [
      'session/session',
      'session/session-bounds',
      'session/slow-client',
      'limits/wrap-up',
      'chat/chat-upstream-lost',
      'chat/chat-talk-ends',
      'realtime/realtime',
      'resume/pending-answers',
    ],
  }),
  group('conversation', 'runtime/resume', {
    'conversation-limits': ['resume/conversation-bounds', 'resume/replay'],
    conversation: [
      'resume/conversation',
      'resume/replay',
      'resume/replayed-items',
      'resume/conversation-bounds',
      'resume/pending-resume',
      'resume/pending-answers',
      'resume/hostile-conversation',
      'resume/unreadable-conversation',
      'resume/resume',
    ],
    'stored-conversation': [
      ...['resume/stored-conversation', 'resume/taken-over', 'resume/conversation-writes'],
      'resume/pending-resume',
      ...['resume/unreadable-conversation', 'resume/pending-answers', 'access/stored', 'resume/resume'],
    ],
    'confirmed-settings': [
      'resume/confirmed-settings',
      'resume/replay',
      'resume/conversation-bounds',
      'resume/pending-answers',
      'gateway/faults',
    ],
    'transcript-item': [
      'resume/transcript-item',
      'resume/replay',
      'resume/replayed-items',
      'resume/pending-answers',
      'resume/unreadable-conversation',
      'resume/resume',
    ],
    transcript: [
      'resume/transcript',
      'resume/replay',
      'resume/conversation-bounds',
      'resume/pending-answers',
    ],
    'tool-journal': ['resume/tool-journal', 'resume/taken-over', 'tools/server-tools'],
  }),
  group('resume', 'runtime/resume', {
    resumption: [
      'resume/resumption',
      'resume/pending-answers',
      'resume/hostile-conversation',
      'tools/sessions',
      'chat/chat-upstream-lost',
      'gateway/renewals',
      'chat/chat-talk-ends',
      'resume/resume-breaks',
      'resume/resume',
      'gateway/faults',
    ],
    'pending-resume': ['resume/pending-resume', 'resume/resume-breaks', 'resume/unreadable-conversation'],
    'resume-store': [
      'resume/pending-resume',
      'resume/unreadable-conversation',
      'resume/resume-breaks',
      'resume/resume',
    ],
    'stored-state': ['assistants/resumed-state', 'resume/tool-journal'],
    tickets: [
      'resume/tickets',
      'resume/pending-resume',
      'resume/conversation-writes',
      'resume/resume-breaks',
      'resume/resume',
    ],
  }),
  group('access', 'runtime/access', {
    access: [
      'access/access',
      'limits/limits-at-the-door',
      'access/tickets',
      'access/secrets',
      'access/matrix',
      'access/stored',
    ],
    address: ['access/address', 'access/headers', 'limits/limits-at-the-door'],
    'api-keys': ['access/api-keys', 'access/tickets', 'access/matrix', 'access/secrets'],
    cors: ['access/admission', 'limits/limits-at-the-door', 'access/matrix', 'server/requests'],
    'entra-tokens': ['access/jwks', 'access/entra-inbound', 'access/secrets', 'access/matrix'],
    'ephemeral-keys': [
      'access/ephemeral-keys',
      'limits/limits-at-the-door',
      'access/stored',
      'access/matrix',
      'calls/calls',
      'calls/calls-access',
    ],
    authenticator: [
      'access/authenticator',
      'access/tickets',
      'access/headers',
      'access/entra-inbound',
      'access/matrix',
      'access/secrets',
      'calls/calls-access',
    ],
    admission: [
      'access/admission',
      'limits/limits',
      'limits/limits-at-the-door',
      'access/tickets',
      'access/stored',
      'access/secrets',
      'access/matrix',
      'server/requests',
      'realtime/realtime',
    ],
    jwks: ['access/jwks', 'access/entra-inbound', 'access/secrets'],
    origin: ['access/address', 'access/headers', 'server/requests', 'access/matrix'],
    'credential-sources': [
      'access/credential-sources',
      'access/headers',
      'access/matrix',
      'access/secrets',
      'access/entra-inbound',
    ],
    tickets: ['access/tickets', 'access/matrix', 'access/secrets', 'access/stored'],
    attempts: [
      'access/attempts',
      'access/admission',
      'limits/limits',
      'limits/limits-at-the-door',
      'access/headers',
      'access/matrix',
    ],
    'webhook-signature': ['access/webhook-signature', 'calls/incoming'],
  }),
  group('store', 'runtime/store', {
    listing: ['store/listing', 'limits/limits', 'store/store', 'calls/records', 'access/stored'],
    memory: [
      'store/memory',
      'limits/limits',
      'resume/pending-resume',
      'store/store',
      'calls/records',
      'access/stored',
    ],
    open: ['store/redis', 'gateway/failed-start', 'resume/resume'],
    'redis-connection': ['store/redis-connection', 'store/redis', 'store/store', 'resume/resume-breaks'],
    redis: ['store/store', 'store/redis', 'access/stored', 'resume/resume-breaks'],
    revision: ['store/store', 'resume/taken-over'],
    'storage-quota': ['store/storage-quota', 'resume/conversation-writes', 'access/stored', 'calls/records'],
    ipc: ['store/ipc', 'store/store', 'workers/worker-leases'],
  }),
  group('upstream', 'runtime/upstream', {
    'announced-retirements': ['models/announced-retirements'],
    'answer-text': ['upstream/answer-text', 'models/announced-retirements', 'calls/calls-upstream'],
    calls: ['upstream/calls', 'calls/calls-upstream', 'calls/calls', 'access/stored', 'calls/hangup'],
    circuit: ['upstream/circuit', 'upstream/dial', 'upstream/dial-outcomes', 'upstream/failover'],
    'early-dial': [
      'upstream/early-dial',
      'upstream/early-dial-memory',
      'gateway/early-refusals',
      'gateway/faults',
      'gateway/sdk',
    ],
    connect: [
      ...['upstream/connect-states', 'upstream/connect-deadlines', 'upstream/connect'],
      'upstream/direct-writer',
      'upstream/direct-reader',
      'upstream/dial-outcomes',
      'chat/chat-upstream-lost',
      'gateway/faults',
      'realtime/realtime',
      'session/slow-client',
    ],
    'credential-headers': [
      'upstream/dial',
      'upstream/dial-rounds',
      'upstream/dial-outcomes',
      'access/secrets',
    ],
    dial: [
      'upstream/dial',
      'upstream/dial-rounds',
      'upstream/dial-outcomes',
      'upstream/failover',
      'gateway/faults',
    ],
    'direct-reader': ['upstream/direct-reader', 'upstream/direct-writer', 'upstream/dial-outcomes'],
    'direct-writer': [
      'upstream/direct-writer-frames',
      'upstream/direct-writer',
      'upstream/connect-states',
      'realtime/realtime',
      'gateway/faults',
    ],
    endpoints: ['upstream/choice', 'access/headers', 'upstream/failover', 'calls/calls'],
    'frame-boundary': ['upstream/frame-boundary', 'upstream/direct-reader', 'realtime/realtime'],
    mask: ['upstream/mask', 'upstream/direct-writer'],
    proxy: ['upstream/proxy'],
    'reading-share': ['upstream/reading-share', 'upstream/direct-reader'],
    'message-check': [
      ...['upstream/message-check', 'session/session-policy'],
      'gateway/model-permit',
      'gateway/pinned',
      'resume/hostile-conversation',
    ],
    'model-choice': ['upstream/choice', 'gateway/aliases'],
    'model-permit': [
      'upstream/model-permit',
      'gateway/model-permit',
      'gateway/transcription',
      'gateway/translation',
    ],
    'own-settings': [
      'upstream/own-settings',
      'chat/chat-upstream-lost',
      'gateway/settings-refused',
      'resume/pending-answers',
    ],
    'passed-headers': ['upstream/passed-headers'],
    'endpoint-pool': [
      ...['upstream/dial', 'upstream/dial-rounds', 'upstream/choice'],
      ...['upstream/dial-outcomes', 'upstream/failover'],
    ],
    refusal: ['upstream/refusal', 'upstream/dial-outcomes', 'gateway/refusals', 'upstream/failover'],
    'safety-identifier': ['upstream/safety-identifier', 'access/tickets'],
    'text-only': ['realtime/realtime'],
    target: [
      'upstream/target',
      'upstream/choice',
      'upstream/dial',
      'config/config',
      'calls/calls',
      'calls/requests',
    ],
  }),
  group('calls', 'runtime/calls', {
    activity: [
      'calls/activity',
      'calls/ends-of-calls',
      'calls/records',
      'calls/control',
      'calls/calls',
      'calls/faults',
      'calls/hangup',
    ],
    answering: ['calls/incoming-steps', 'calls/incoming', 'simulator/telephone'],
    'call-journal': ['calls/call-journal', 'calls/call-tools-handover'],
    'call-tools': ['calls/call-tools-states', 'calls/call-tools-handover'],
    'call-status': ['calls/call-status', 'calls/control', 'calls/calls', 'calls/requests'],
    'control-route': [
      'calls/ends-of-calls',
      'calls/control',
      'calls/calls',
      'calls/faults',
      'calls/calls-upstream',
    ],
    control: [
      'calls/call-control',
      'calls/control',
      'calls/calls',
      'calls/observers',
      'calls/faults',
      'calls/hangup',
      'calls/call-tools-handover',
    ],
    'end-call': [
      'calls/activity',
      'calls/call-records',
      'calls/calls-upstream',
      'calls/calls',
      'calls/faults',
      'calls/hangup',
    ],
    handover: ['calls/handover-steps', 'calls/handover', 'calls/incoming'],
    incoming: ['calls/incoming-steps', 'calls/incoming'],
    observer: ['calls/control', 'calls/observers', 'calls/faults', 'calls/hangup'],
    observers: ['calls/calls', 'calls/observers', 'calls/control', 'calls/faults'],
    offer: ['calls/offer-body', 'server/requests', 'calls/calls'],
    ownership: ['calls/call-actions', 'calls/incoming', 'calls/calls-access'],
    'create-call': [
      'calls/create-call',
      'calls/calls-upstream',
      'access/stored',
      'calls/calls',
      'calls/faults',
    ],
    playout: ['calls/playout', 'calls/control', 'calls/calls', 'calls/faults'],
    record: ['calls/call-records', 'calls/call-status', 'calls/records', 'calls/calls'],
    records: [
      'calls/call-records',
      'calls/records',
      'calls/calls',
      'calls/control',
      'calls/faults',
      'calls/hangup',
    ],
    rejoin: ['calls/playout', 'calls/calls', 'calls/control', 'calls/faults'],
    'sdk-call-actions': ['calls/call-actions'],
    'sdk-calls': ['calls/calls-upstream', 'calls/calls', 'access/stored', 'access/matrix', 'gateway/aliases'],
    'sideband-routes': ['calls/requests', 'calls/control', 'calls/calls', 'calls/faults', 'access/matrix'],
    'translation-calls': ['gateway/translation', 'calls/translation-calls'],
    'translation-meter': ['calls/translation-meter', 'calls/translation-calls'],
  }),
  group('drain', 'runtime/server', {
    drain: ['server/drain', 'resume/pending-answers', 'resume/resume-breaks', 'chat/chat-talk-ends'],
  }),
]

/** Survivors that are known, and why each stays. */
export const known: readonly (Pick<Mutant, 'file' | 'text' | 'shown'> & { readonly reason: string })[] = [
  {
    file: 'runtime/session/response-state.ts',
    text: "if (this.#speech === 'speaking') this.#speech = 'committed'",
    shown: "'speaking' → '~'",
    reason: 'of speech that became a turn only that it is not silent is asked',
  },
  ...[
    "export const openPolicy: SessionPolicy = { fields: [], guardsContext: false, onChange: 'refuse' }",
    "onChange: 'refuse',",
  ].map(text => ({
    file: 'runtime/session/session-policy.ts',
    text,
    shown: "'refuse' → '~'",
    reason: 'equivalent: of what becomes of a change only that it is not left out is asked',
  })),
  {
    file: 'runtime/upstream/early-dial.ts',
    text: "this.#state = 'opened'",
    shown: "'opened' → '~'",
    reason: 'equivalent: of a dial that is open only that it has none of the other states is asked',
  },
  {
    file: 'runtime/upstream/dial.ts',
    text: "#state: 'dialing' | 'over' = 'dialing'",
    shown: "'dialing' → '~'",
    reason: 'equivalent: of a dial only whether it is over is asked',
  },
  {
    file: 'runtime/upstream/dial.ts',
    text: 'this.#waitMs = Math.min(this.#waitMs, Math.max(error.retryAfterMs ?? 0, backoffMs(backoff, this.#rounds)))',
    shown: '0 → 1',
    reason: 'equivalent: no wait of the backoff is as short as 1 ms',
  },
  {
    file: 'runtime/upstream/dial.ts',
    text: "this.#state = 'over'",
    shown: "this.#state = 'over' → nothing",
    reason: 'equivalent at the end of a dial, where nothing of it is under way; elsewhere it is noticed',
  },
  ...(
    [
      ['function isPlainAppend(data: Uint8Array): boolean {', '{ → { return;'],
      [
        `const appendStart = '{"type":"input_audio_buffer.append","audio":"'`,
        `'{"type":"input_audio_buffer.append","audio":"' → '~'`,
      ],
      ['const last = data.length - 1', '1 → 2'],
      ['isSame(data, 0, appendStart.length, appendStart) &&', '0 → 1'],
    ] as const
  ).map(([text, shown]) => ({
    ...{ file: 'runtime/upstream/message-check.ts', text, shown },
    reason: 'equivalent: sound that is not taken for such is looked at as any message, and goes on',
  })),
  ...(
    [
      ['data[last] === closeBrace &&', '=== → !=='],
      ['Buffer.prototype.indexOf.call(data, quote, appendStart.length) === last - 1', '1 → 2'],
    ] as const
  ).map(([text, shown]) => ({
    ...{ file: 'runtime/upstream/message-check.ts', text, shown },
    reason: 'equivalent: what begins as sound and has no second member goes on, whatever its end',
  })),
  {
    file: 'runtime/upstream/circuit.ts',
    text: '#probing = false',
    shown: 'false → true',
    reason: 'equivalent: it is asked after a failure alone, which sets it',
  },
  ...(
    [
      ["#state: SettingsState = 'confirmed'", "'confirmed' → '~'"],
      ["if (type === 'session.updated') this.#state = 'confirmed'", "'confirmed' → '~'"],
    ] as const
  ).map(([text, shown]) => ({
    ...{ file: 'runtime/upstream/own-settings.ts', text, shown },
    reason: 'equivalent: of settings that are confirmed only that they have neither other state is asked',
  })),
  ...(
    [
      ["#state: 'dialing' | 'opened' | 'failed' | 'taken' | 'over' = 'dialing'", "'dialing' → '~'"],
      ["this.#state = isAnswer && this.#isAwaited ? 'over' : 'failed'", "'failed' → '~'"],
    ] as const
  ).map(([text, shown]) => ({
    ...{ file: 'runtime/upstream/early-dial.ts', text, shown },
    reason: 'equivalent: of a dial only whether it is taken or over is asked',
  })),
  ...(
    [
      ['const keys = Buffer.alloc(8 * 1024)', '8 → 16', 'keys are drawn for more messages at once'],
      ['const keys = Buffer.alloc(8 * 1024)', '1024 → 2048', 'keys are drawn for more messages at once'],
      [
        'bytes[1] = maskedBit | (length < length16 ? length : length <= maxLength16 ? length16 : length64)',
        '< → <=',
        'the mark of a length of 16 bits is that length itself',
      ],
      [
        'for (let each = 0; each < keyBytes; each += 1) bytes[at + each] = key[each] as number',
        '< → <=',
        'the first byte of the payload is written over what is one too many',
      ],
      [
        'for (let at = 0; at < keyBytes; at += 1) key[at] = keys[nextKey + at] as number',
        '< → <=',
        'a key has no fifth byte to write',
      ],
    ] as const
  ).map(([text, shown, reason]) => ({
    ...{ file: 'runtime/upstream/direct-writer.ts', text, shown },
    reason: `equivalent: ${reason}`,
  })),
  ...['256 → 512', '1024 → 2048'].map(shown => ({
    ...{ file: 'runtime/upstream/direct-reader.ts', text: 'const sharedBytes = 256 * 1024', shown },
    reason: 'equivalent: of what comes more is read at once, and told the same',
  })),
  {
    file: 'runtime/upstream/direct-reader.ts',
    text: "#state: 'handshake' | 'frames' = 'handshake'",
    shown: "'handshake' → '~'",
    reason: 'equivalent: of the state only whether frames come is asked',
  },
  ...(
    [
      ['wasHeard = false', 'false → true', 'before the first interval is over no silence is counted'],
      [
        "if (this.#state === 'over' || this.#state === 'refused') return",
        "'refused' → '~'",
        'nobody listens to a connection that was refused',
      ],
      [
        'if (this.#reader.socket !== null) this.#writer = new DirectWriter(this.#reader.socket)',
        '!== → ===',
        '`ws` writes the same, and slower',
      ],
      [
        'if (this.#reader.socket !== null) this.#writer = new DirectWriter(this.#reader.socket)',
        'this.#writer = new DirectWriter(this.#reader.socket) → nothing',
        '`ws` writes the same, and slower',
      ],
      ...['this.#headers = null', 'this.#deadline = undefined', 'this.#attempt = null'].map(
        text =>
          [
            text,
            `${text} → nothing`,
            'a session that is open does not use it; what is not kept is memory',
          ] as const,
      ),
    ] as const
  ).map(([text, shown, reason]) => ({
    ...{ file: 'runtime/upstream/connect.ts', text, shown },
    reason: `equivalent: ${reason}`,
  })),
  {
    file: 'runtime/upstream/refusal.ts',
    text: 'return asRefusal(label, response.statusCode ?? 0, body, {',
    shown: '0 → 1',
    reason: 'equivalent: a response that a client was sent has a status',
  },
  {
    file: 'runtime/upstream/refusal.ts',
    text: 'if (Number.isFinite(seconds) && seconds >= 0) return Math.min(maxRetryAfterMs, seconds * 1000)',
    shown: '>= → >',
    reason: 'equivalent: 0 is a date, too, and long over',
  },
  {
    file: 'runtime/resume/tool-journal.ts',
    text: "readonly conversationId = randomBytes(16).toString('hex')",
    shown: '16 → 32',
    reason: 'equivalent: an id of a conversation is as unique with more bytes',
  },
  {
    file: 'runtime/server/drain.ts',
    text: 'await this.#endInBatches(connections)',
    shown: 'await this.#endInBatches(connections) → this.#endInBatches(connections)',
    reason: 'equivalent: what follows waits until every connection has ended',
  },
  ...['<= → <', '0 → 1'].map(shown => ({
    file: 'runtime/store/memory.ts',
    text: 'return growth <= 0 || this.#bytes + growth <= this.#maxBytes',
    shown,
    reason: 'equivalent: sizes are even, and what is held is never above the bound',
  })),
  {
    file: 'runtime/access/attempts.ts',
    text: '#minute = 0',
    shown: '0 → 1',
    reason: 'equivalent: before the first try nothing is counted that could be forgotten',
  },
  {
    file: 'runtime/access/jwks.ts',
    text: "const reason = cause instanceof Error ? cause.message : 'unknown'",
    shown: "'unknown' → '~'",
    reason: 'what fetching fails of is always an Error',
  },
  {
    file: 'runtime/store/redis-connection.ts',
    text: '#heardAt = 0',
    shown: '0 → 1',
    reason: 'equivalent: a connection is heard when it is ready, and of no use before',
  },
  {
    file: 'runtime/store/redis-connection.ts',
    text: "if (this.#state !== 'ready' || client !== this.#client) return",
    shown: '|| → &&',
    reason: 'equivalent: a command fails with its connection, before it is late',
  },
  {
    file: 'runtime/server/drain.ts',
    text: 'if (first > 0) await sleep(batchIntervalMs)',
    shown: '0 → 1',
    reason: 'equivalent: a batch has ten at least',
  },
  ...(
    [
      ['#beginnings = 0', '0 → 1', 'of beginnings only that no two have the same number is asked'],
      ['this.#beginnings += 1', '1 → 2', 'of beginnings only that no two have the same number is asked'],
      [
        'const timer = enterLater(this.#parts.owner, Math.max(0, deadlineMs - drainReserveMs), () =>',
        '0 → 1',
        'Node takes 1 ms for a timer of 0 ms',
      ],
      [
        "this.#state = 'over'",
        "'over' → '~'",
        'of the end only that it is neither of the other states is asked',
      ],
      [
        'if (this.#drainsUntil !== null) tools.drain(Math.max(0, this.#drainsUntil - performance.now()))',
        '0 → 1',
        'either is less than what is kept back for the outputs',
      ],
      [
        'if (unanswered.length > 0) tools.resume(unanswered, true, false)',
        'false → true',
        'where calls are not answered it is their turn that goes on',
      ],
      [
        "if ('call_id' in item && typeof item.call_id === 'string') this.#told.add(item.call_id)",
        '&& → ||',
        'every output names its call',
      ],
    ] as const
  ).map(([text, shown, reason]) => ({
    file: 'runtime/calls/call-tools.ts',
    text,
    shown,
    reason: `equivalent: ${reason}`,
  })),
  ...(
    [
      [
        "#ownership: 'own' | 'taken-over' = 'own'",
        "'own' → '~'",
        'of the ownership only whether it is lost is asked',
      ],
      [
        'if (stored.revision > this.#revision) this.#adopt(stored)',
        '> → >=',
        'of one revision the text is the same',
      ],
      [
        'return this.#failingSince === null ? 0 : performance.now() - this.#failingSince',
        '0 → 1',
        'no time that is waited for is as short as 1 ms',
      ],
    ] as const
  ).map(([text, shown, reason]) => ({
    file: 'runtime/resume/stored-conversation.ts',
    text,
    shown,
    reason: `equivalent: ${reason}`,
  })),
  ...(
    [
      [
        'confirmed-settings',
        'const bytes = isFields(session) ? Buffer.byteLength(JSON.stringify(session)) : 0',
        '0 → 1',
        'what is no object is refused, whatever its size',
      ],
      [
        'transcript-item',
        "const { id, kind, role, text, name = '', callId = '', done, unconfirmed = false, isNotice = false } = stored",
        'false → true',
        'of what is absent only its type is asked',
      ],
      [
        'transcript-item',
        'return [at < firstWords ? { ...image, before: true as const } : image]',
        '< → <=',
        'where the first words are there is no image',
      ],
      [
        'tool-journal',
        'const { calls, state, stateVersion = 1, turn, begun = [] } = stored',
        '1 → 2',
        'of what is absent only its type is asked',
      ],
      [
        'transcript',
        'if (item.images?.some(({ url }) => url !== null) !== true) return this.#items.get(item) ?? 0',
        '0 → 1',
        'only items of the list are asked, and they have a size',
      ],
      [
        'transcript',
        'this.#bytes -= this.#items.get(item) ?? 0',
        '0 → 1',
        'only items of the list are forgotten, and they have a size',
      ],
    ] as const
  ).map(([file, text, shown, reason]) => ({
    file: `runtime/resume/${file}.ts`,
    text,
    shown,
    reason: `equivalent: ${reason}`,
  })),
  ...(
    [
      [
        'const page = await this.#options.store.page(ownerList(owner), from, Math.max(1, room))',
        '1 → 2',
        'what there is no room for is left out',
      ],
      [
        "const reserved = await this.#update(sessionId, { set: { offer: 'pending' }, unless: 'offer' })",
        "'pending' → '~'",
        'of a reservation only that it is there is asked',
      ],
      ['if (now - (this.#chargedAt.get(record) ?? 0) < ttlMs / 4) return', '0 → 1', 'either is long ago'],
    ] as const
  ).map(([text, shown, reason]) => ({
    file: 'runtime/calls/records.ts',
    text,
    shown,
    reason: `equivalent: ${reason}`,
  })),
  {
    file: 'runtime/calls/incoming.ts',
    text: "const body = await incoming.read(Number(headers.get('content-length') ?? 0), readBody)",
    shown: '0 → 1',
    reason: 'equivalent: either is no more than a webhook may have',
  },
  {
    file: 'runtime/calls/incoming.ts',
    text: 'clearTimeout(timer)',
    shown: 'clearTimeout(timer) → nothing',
    reason: 'equivalent: nobody waits for that timer by then',
  },
  ...(
    [
      ["#phase: 'joining' | 'joined' | 'over' = 'joining'", "'joining' → '~'"],
      ["this.#phase = 'joined'", "'joined' → '~'"],
      ["this.#phase = 'joined'", "this.#phase = 'joined' → nothing"],
      ["this.#phase = 'joining'", "'joining' → '~'"],
      ["this.#phase = 'joining'", "this.#phase = 'joining' → nothing"],
    ] as const
  ).map(([text, shown]) => ({
    ...{ file: 'runtime/calls/translation-meter.ts', text, shown },
    reason: 'equivalent: of the phase of a meter only whether it is over is asked',
  })),
  {
    file: 'runtime/calls/translation-meter.ts',
    text: "this.#first = !isBinary && this.#parts.readType(frame) === 'error' ? 'error' : 'event'",
    shown: "'event' → '~'",
    reason: 'equivalent: of what came first only whether it was an error, or nothing yet, is asked',
  },
  {
    file: 'runtime/calls/translation-meter.ts',
    text: "#first: 'nothing' | 'error' | 'event' = 'nothing'",
    shown: "'nothing' → '~'",
    reason: 'equivalent: it is set when the connection opens, and before that nothing comes',
  },
  {
    file: 'runtime/calls/incoming.ts',
    text: 'this.#arriving.delete(givenUp.reject)',
    shown: 'this.#arriving.delete(givenUp.reject) → nothing',
    reason:
      'equivalent: a webhook that has come is refused without effect, and is older than all on their way',
  },
]

/** @returns why nothing notices a mutant, where that is known */
export function reasonFor({ file, text, shown }: Mutant): string | null {
  const fits = (other: (typeof known)[number]) =>
    other.file === file && other.text === text && other.shown === shown
  return known.find(fits)?.reason ?? null
}
