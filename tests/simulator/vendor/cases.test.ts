/** The simulator does what recorded sessions with the real services show; the recordings themselves are not needed. */
import test from 'ava'
import { openPeer } from '../../calls/caller.ts'
import { connect, type Received } from '../conversation.ts'
import { respond, textOnly, update, userText } from '../events.ts'
import { mintAzureKey } from '../mint.ts'
import { createStage, doors } from '../stage.ts'
import { callAt } from './call.ts'
import { cases, createdSession, type Door } from './cases.ts'
import { differencesOf, isDelta, runsBeside } from './differences.ts'

const stage = createStage(test)
const vendors: readonly Door[] = ['openai', 'azure']
const paths: Record<Door, string> = { openai: doors.openai, azure: '/openai/v1/realtime?model=gpt-realtime' }

for (const vendor of vendors) {
  for (const { title, steps } of cases) {
    test(`${vendor}: ${title}`, async t => {
      const { send, next, close } = await stage.dial(paths[vendor])
      const first = await next()
      t.is(first.type, 'session.created')
      let callId: unknown = ''
      for (const { send: events, order } of steps) {
        send(...events.map(event => withCall(event, callId)))
        for (const expected of order) {
          const event = await nextStep(next)
          t.is(event.type, expected)
          callId = event.item?.call_id ?? callId
        }
      }
      await close()
    })
  }

  test(`${vendor}: session.created has the recorded fields and defaults`, async t => {
    const { next, close } = await stage.dial(paths[vendor])
    const { session } = await next('session.created')
    const { id, instructions, expires_at, ...fixed } = session
    t.deepEqual(fixed, createdSession)
    t.deepEqual(Object.keys({ id, instructions, expires_at }).length, 3)
    t.true(instructions.length > 200)
    const lifeSec = expires_at - Date.now() / 1000
    t.true(lifeSec > 3500 && lifeSec <= 3600, `${lifeSec}`)
    await close()
  })

  // Recorded of both vendors throughout: `added` names the item before, `done` of a model's item does not where that
  // is the conversation's first.
  test(`${vendor}: done of a model's second item has no item before it, done of a later one has`, async t => {
    const { send, until, close } = await stage.dial(paths[vendor])
    send(update(textOnly), userText('one'), respond())
    const [, answer] = await itemsOf(until)
    t.truthy(answer?.added)
    t.is(answer?.done, null)
    send(userText('two'), respond())
    const [user, later] = await itemsOf(until)
    t.is(user?.done, user?.added)
    t.truthy(later?.added)
    t.is(later?.done, later?.added)
    await close()
  })

  test(`${vendor}: text deltas are padded, audio deltas are not; Azure repeats the part as content`, async t => {
    const { send, until, close } = await stage.dial(paths[vendor])
    send(userText('hello'), respond())
    const events = await until('response.done')
    for (const event of events.filter(({ type }) => isDelta(type)))
      t.is('obfuscation' in event, event.type !== 'response.output_audio.delta', event.type)
    for (const event of events.filter(({ type }) => type.startsWith('response.content_part.')))
      t.is('content' in event, vendor === 'azure', event.type)
    await close()
  })
}

test('OpenAI tells of rate limits after a response, Azure does not', async t => {
  for (const vendor of vendors) {
    const { send, until, next, close } = await stage.dial(paths[vendor])
    send(update(textOnly), userText('hello'), respond())
    await until('response.done')
    send({ type: 'input_audio_buffer.clear' })
    t.is((await next()).type, vendor === 'openai' ? 'rate_limits.updated' : 'input_audio_buffer.cleared')
    await close()
  }
})

test("a call's session has a marked id at OpenAI alone, and playout events have ids of their own form", async t => {
  const simulator = await stage.simulator()
  for (const [vendor, form] of [
    ['openai', /^sess_u0_[A-Za-z0-9]{21}$/],
    ['azure', /^sess_[A-Za-z0-9]{21}$/],
  ] as const) {
    const prefix = vendor === 'azure' ? '/openai/v1' : '/v1'
    const callId = await callAt(t, `${simulator.url}${prefix}`)
    const { send, reach, close } = await connect(`${simulator.url}${prefix}/realtime?call_id=${callId}`)
    send(update({ instructions: 'Be brief.' }))
    t.regex((await reach('session.updated')).session.id, form)
    send(userText('hello'), respond())
    t.regex((await reach('output_audio_buffer.started')).event_id, /^event_[0-9a-f]{16}$/)
    t.regex((await reach('output_audio_buffer.stopped')).event_id, /^event_[0-9a-f]{16}$/)
    await close()
  }
})

test('a tool without a description is shown with none', async t => {
  const { url } = await stage.simulator()
  const tool = { type: 'function', name: 'get_temperature', parameters: { type: 'object', properties: {} } }
  const answer = await fetch(`${url}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime', tools: [tool] } }),
  })
  const { session } = (await answer.json()) as { session: { tools: object[] } }
  t.deepEqual(session.tools, [{ ...tool, description: null }])
})

test('the answer to an offer says how Opus is sent, whether or not the offer did', async t => {
  const { url } = await stage.simulator()
  const key = await mintAzureKey(url)
  const { sdp } = await openPeer(t)
  const offer = sdp.replace(/a=fmtp:[^\r\n]*\r\n/g, '')
  t.regex(offer, /opus\/48000\/2/i)
  const answer = await fetch(`${url}/openai/v1/realtime/calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' },
    body: offer,
  })
  t.regex(await answer.text(), /a=rtpmap:(\d+) opus\/48000\/2\r\na=fmtp:\1 minptime=10;useinbandfec=1\r\n/i)
})

test('what differs from a recording is found: order, field, kind, value, type', t => {
  const vendor = [
    { type: 'a', event_id: 'event_0123456789abcdefghijk', n: 1, session: { voice: 'alloy', previous: null } },
    { type: 'b', event_id: 'event_0123456789abcdefghijk' },
  ]
  t.deepEqual(differencesOf(vendor, vendor), [])
  const find = (ours: { type: string; [field: string]: unknown }[]) => differencesOf(vendor, ours)
  const [a, b] = vendor as [(typeof vendor)[0], (typeof vendor)[0]]
  t.deepEqual(find([b, a]), ['order: after the start comes a, not b'])
  t.deepEqual(find([a]), ['order: after a comes b, not nothing', 'type: b is missing'])
  t.deepEqual(find([a, b, { type: 'c' }]), ['order: at the end comes c, not nothing', 'type: c is sent'])
  t.deepEqual(find([a, { type: 'b' }]), ['field: b has event_id, which is missing'])
  t.deepEqual(find([a, { ...b, extra: 1 }]), ['field: b has no extra, which is sent'])
  t.deepEqual(find([a, { ...b, event_id: 'event_1' }]), [
    'kind: b has event_id as event_ and 21 characters, not as event_ and 1 characters',
  ])
  t.deepEqual(find([{ ...a, session: { voice: 'marin', previous: null } }, b]), [
    'value: a has session.voice "alloy", not "marin"',
  ])
  t.deepEqual(find([{ ...a, session: { voice: 'alloy', previous: 'item_0' } }, b]), [
    'kind: a has session.previous as null, not as item_ and 1 characters',
    'value: a has session.previous null, not a value',
  ])
})

async function nextStep(next: () => Promise<Received>): Promise<Received> {
  for (;;) {
    const event = await next()
    if (!isDelta(event.type) && !runsBeside(event.type)) return event
  }
}

function withCall(event: object, callId: unknown): object {
  return JSON.parse(JSON.stringify(event), (name, value) => (name === 'call_id' ? callId : value))
}

/** The item before each item of a response's turn, as `added` and as `done` name it. */
async function itemsOf(until: (type: string) => Promise<Received[]>) {
  const events = await until('response.done')
  return events
    .filter(({ type }) => type === 'conversation.item.added')
    .map(({ item, previous_item_id }) => ({
      added: previous_item_id,
      done: events.find(
        ({ type, item: { id } = { id: '' } }) => type === 'conversation.item.done' && id === item.id,
      )?.previous_item_id,
    }))
}
