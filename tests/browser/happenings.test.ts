/** What the sideband page reads out of a call's events. */
import test from 'ava'
import type { RealtimeEvent } from '../../web/page/realtime-event.ts'
import { readControlMessage } from '../../web/sideband/control-messages.ts'
import { Happenings } from '../../web/sideband/happenings.ts'

const updated = (event_id: string, session: object): RealtimeEvent => ({
  type: 'session.updated',
  event_id,
  session,
})

const talks: [what: string, events: RealtimeEvent[], happened: object[]][] = [
  [
    'an event that came by both lanes counts once',
    ['e1', 'e1'].map(event_id => ({ type: 'input_audio_buffer.dtmf_event_received', event_id, event: '5' })),
    [{ kind: 'key', key: '5' }],
  ],
  [
    'the same key may be pressed twice',
    ['e1', 'e2'].map(event_id => ({ type: 'input_audio_buffer.dtmf_event_received', event_id, event: '#' })),
    [
      { kind: 'key', key: '#' },
      { kind: 'key', key: '#' },
    ],
  ],
  [
    'settings that stay as they are did not change, and a voice is no setting that is pinned',
    [updated('a', { instructions: 'A' }), updated('b', { instructions: 'A', voice: 'marin' })],
    [],
  ],
  [
    'what is put back is told from what is changed',
    ['A', 'B', 'A', 'C', 'D'].map((instructions, index) => updated(`e${index}`, { instructions })),
    [
      { kind: 'settings-changed', fields: ['instructions'] },
      { kind: 'settings-put-back', fields: ['instructions'] },
      { kind: 'settings-changed', fields: ['instructions'] },
      { kind: 'settings-changed', fields: ['instructions'] },
    ],
  ],
  [
    'a tool and its output are joined by the call',
    [
      {
        type: 'response.function_call_arguments.done',
        event_id: 'a',
        call_id: 'c',
        name: 'add',
        arguments: '{}',
      },
      {
        type: 'conversation.item.added',
        event_id: 'b',
        item: { type: 'function_call_output', call_id: 'c', output: '7' },
      },
      { type: 'conversation.item.added', event_id: 'c', item: { type: 'message' } },
    ],
    [
      { kind: 'tool-called', name: 'add', arguments: '{}' },
      { kind: 'tool-answered', name: 'add', output: '7' },
    ],
  ],
]
for (const [what, events, happened] of talks)
  test(what, t => {
    const happenings = new Happenings()
    t.deepEqual(
      events.flatMap(event => happenings.receive(event)),
      happened as never,
    )
  })

test('each step of a tool on the server is told, and what it tells', t => {
  const happenings = new Happenings()
  const messages = [
    { type: 'assistant.tool', name: 'stamp', status: 'running', ms: 0 },
    { type: 'assistant.event', name: 'papers', data: { left: 2 } },
    { type: 'assistant.tool', name: 'stamp', status: 'done', ms: 12 },
    { type: 'assistant.tool', name: 'stamp', status: 'postponed', ms: 12 },
    { type: 'assistant.tool', name: 'stamp', status: 'done' },
    { type: 'assistant.event', data: {} },
  ].map(message => readControlMessage(JSON.stringify(message)))
  t.deepEqual(
    messages.flatMap(message => (message === undefined ? [] : happenings.receiveByControl(message))),
    [
      { kind: 'server-tool', name: 'stamp', status: 'running', ms: 0 },
      { kind: 'assistant-event', name: 'papers', data: '{"left":2}' },
      { kind: 'server-tool', name: 'stamp', status: 'done', ms: 12 },
    ],
  )
})

test('what is remembered of a long call has a limit', t => {
  const happenings = new Happenings()
  for (let index = 0; index < 5000; index++)
    happenings.receive({ type: 'input_audio_buffer.dtmf_event_received', event_id: `e${index}`, event: '1' })
  t.is(
    happenings.receive({ type: 'input_audio_buffer.dtmf_event_received', event_id: 'e4999', event: '1' })
      .length,
    0,
  )
  t.is(
    happenings.receive({ type: 'input_audio_buffer.dtmf_event_received', event_id: 'e0', event: '1' }).length,
    1,
  )
})
