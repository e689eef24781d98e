/** Every message of either dialect, at every door and before either upstream: nothing of it replaces what is pinned. */
import test from 'ava'
import { messagesTo } from '../../runtime/dialect/message-translation.ts'
import { azureClientEvents, clientEvents } from '../../runtime/simulator/protocol/ga.ts'
import { previewClientEvents } from '../../runtime/simulator/protocol/preview.ts'
import { assistant, folderWith } from '../assistants/folders.ts'
import { converse, type Message } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const types = new Set([
  ...[clientEvents, azureClientEvents, previewClientEvents].flatMap(Object.keys),
  ...[...messagesTo('ga').keys(), ...messagesTo('preview').keys()],
])

const settings = {
  instructions: 'MINE',
  Instructions: 'MINE',
  prompt: { id: 'MINE' },
  tools: [{ type: 'function', name: 'MINE', parameters: {} }],
  voice: 'marin',
}
const item = { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'MINE' }] }

/** A message that says in all places at once what may be pinned. */
function messagesOf(type: string): object[] {
  const response = { ...settings, input: [item] }
  return ['realtime', 'transcription', undefined].map(kind => {
    return { type, session: { type: kind, ...settings }, response, item }
  })
}

/** What upstream would take over from a message. */
function takenFrom({ type, session, response, item }: Message): unknown {
  if (type.endsWith('session.update')) return session
  if (type === 'response.create') return response
  return type === 'conversation.item.create' ? item : null
}

const old = 'gpt-4o-realtime-preview'
const doors: readonly (readonly [path: string, mine: RegExp, modes: readonly ('text' | 'binary')[]])[] = [
  ['/realtime', /"(instructions|prompt)":[^,]*MINE/i, ['text']],
  ['/realtime?assistant=cafe', /MINE/, ['text']],
  ['/v1/realtime?assistant=cafe', /MINE/, ['text', 'binary']],
  [`/v1/realtime?assistant=cafe&model=${old}`, /MINE/, ['text', 'binary']],
  [
    '/openai/realtime?assistant=cafe&api-version=2025-04-01-preview&deployment=voice',
    /MINE/,
    ['text', 'binary'],
  ],
]

const versions = { ga: {}, preview: { AZURE_OPENAI_API_VERSION: '2025-04-01-preview' } }

for (const [dialect, version] of Object.entries(versions))
  for (const [path, mine, modes] of doors)
    test(`${path}, upstream ${dialect}: no message of a client's replaces what is pinned`, async t => {
      const upstream = await fakeUpstream(t)
      const gateway = await gatewayFor(t, {
        ...{ ...upstream.env, ...version },
        AZURE_OPENAI_DEPLOYMENT_NAME: 'voice',
        MODEL_ALIASES: `${old}:voice`,
        REALTIME_PIN_SESSION: 'true',
        REALTIME_AUTO_CLOSE: 'false',
        ASSISTANTS_DIR: folderWith(t, assistant('cafe', 'pinned: true')),
      })
      const talk = await converse(t, gateway.socketUrl + path)
      const session = await upstream.session()
      for (const type of types)
        for (const mode of modes)
          for (const message of messagesOf(type)) {
            const text = JSON.stringify(message)
            talk.send(mode === 'binary' ? Buffer.from(text) : text)
          }
      const last = { type: 'response.cancel', event_id: 'last' }
      talk.send(last)
      const got: Message[] = []
      do got.push(JSON.parse((await session.next()).text))
      while (got.at(-1)?.event_id !== last.event_id)
      const replaced = got.filter(message => mine.test(JSON.stringify(takenFrom(message) ?? null)))
      t.deepEqual(replaced, [])
      t.true(got.length > types.size / 2, 'what replaces nothing goes on')
    })
