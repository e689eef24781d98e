/** Telephone calls that an assistant answers, chosen by the number that was dialled or by another header. */
import { rmSync } from 'node:fs'
import test from 'ava'
import { assistant, folderWith } from '../assistants/folders.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor, type Stage } from '../gateway/start.ts'
import { clerk, desk, receptionFor, sessionsOf } from './telephone.ts'

const files = {
  ...assistant(
    'cafe',
    'pinned: true\ngreeting: Greet the guest\naccess: { principals: [key:nobody-who-calls] }\nsession: { audio: { output: { voice: marin } } }\n',
    'Always begin with "Cafe."',
  ),
  ...assistant('bar', 'model: gpt-realtime-mini\n', 'You are the bar.'),
}

const env = (t: Stage) => ({
  ASSISTANTS_DIR: folderWith(t, files),
  OPENAI_REALTIME_MODEL: 'gpt-realtime,gpt-realtime-mini',
  CALLS_POLICY: '+15550199=assistant:cafe,X-Tenant:acme*=assistant:bar,+1555*=accept',
})

test('the number that was dialled chooses the assistant, whose session the call has', async t => {
  const { gateway, ring } = await receptionFor(t, env(t))
  const { call, delivered } = ring(gateway, { to: 'sip:+15550199@sip.example' })
  const session = await call.accepted
  t.is(session.instructions, 'Always begin with "Cafe."')
  t.is(session.model, 'gpt-realtime')
  t.is(session.audio.output.voice, 'marin')
  t.deepEqual(await delivered, [[200]])
  const [listed] = await sessionsOf(gateway, desk)
  t.like(listed, { call_id: call.id, assistant: 'cafe' })
  t.deepEqual(await sessionsOf(gateway, clerk), [])
  t.like((await gateway.logged('sideband.call.incoming')).fields, { outcome: 'answered', assistant: 'cafe' })

  // It is pinned: whoever controls calls sees no instructions.
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${listed?.session_id}`, {
    headers: desk,
  })
  await control.until('sideband_connected')
  call.say(600)
  const heard = await control.until(
    'openai_event',
    ({ event }) => (event as { type: string }).type === 'response.output_audio_transcript.done',
  )
  t.like(heard.at(-1)?.event, { type: 'response.output_audio_transcript.done' })
  t.true(JSON.stringify(heard.at(-1)).includes('"transcript":"Cafe'))
  t.false(JSON.stringify(heard).includes('Always begin'))
})

test('a call whose assistant has no instructions for telephones is refused, and does not ring on', async t => {
  const template = "{% if caller == 'telephone' %}{{ file('none' + '.md') }}{% endif %}"
  const { gateway, ring } = await receptionFor(t, {
    ...env(t),
    ASSISTANTS_DIR: folderWith(t, { ...files, ...assistant('cafe', '', template) }),
  })
  const { call, delivered } = ring(gateway, { to: 'sip:+15550199@sip.example' })
  t.deepEqual(await delivered, [[200]])
  t.like(await call.ended, { by: 'rejected', status: 503 })
  t.like((await gateway.logged('sideband.call.incoming')).fields, { outcome: 'rejected', assistant: 'cafe' })
  t.is((await gateway.logged('assistants.refused')).level, 'error')
})

const calls: [what: string, options: object, answered: object | null][] = [
  [
    'another header',
    { to: 'sip:+15550100@sip.example', headers: [{ name: 'x-tenant', value: 'acme-north' }] },
    { model: 'gpt-realtime-mini', instructions: 'You are the bar.' },
  ],
  [
    'a number of the rest',
    { to: '"The desk" <tel:+15550123;phone-context=example>' },
    { instructions: 'Always begin with "Reception."' },
  ],
  ['a number that no rule has', { to: 'sip:+49301234@sip.example' }, null],
]

for (const [what, options, answered] of calls) {
  test(`a call by ${what} is ${answered === null ? 'rejected as not found' : 'answered as its rule says'}`, async t => {
    const { gateway, ring } = await receptionFor(t, env(t))
    const { call } = ring(gateway, options)
    if (answered === null) t.deepEqual(await call.ended, { by: 'rejected', status: 404 })
    else t.like(await call.accepted, answered)
  })
}

test('the greeting of the assistant is the first thing that is said', async t => {
  const { gateway, ring } = await receptionFor(t, env(t))
  const { call } = ring(gateway)
  await call.accepted
  const [listed] = await sessionsOf(gateway, desk)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${listed?.session_id}`, {
    headers: desk,
  })
  const heard = await control.until(
    'openai_event',
    ({ event }) => (event as { type: string }).type === 'response.done',
  )
  t.true(heard.length > 0)
})

test('a policy that names an assistant which is not there stops the start', async t => {
  const message = /CALLS_POLICY: there is no assistant "pub"; there are .*"bar", "cafe"/
  await t.throwsAsync(gatewayFor(t, { ...env(t), CALLS_POLICY: '*=assistant:pub' }), { message })
})

test('an assistant whose folder is gone answers no call; the caller is not left ringing', async t => {
  const settings = env(t)
  const { gateway, ring } = await receptionFor(t, { ...settings, ASSISTANTS_WATCH: 'true' })
  await gateway.logged('assistants.loaded')
  rmSync(`${settings.ASSISTANTS_DIR}/cafe`, { recursive: true })
  await gateway.logged('assistants.loaded', ({ assistants }) => !JSON.stringify(assistants).includes('cafe'))
  const { call } = ring(gateway)
  t.deepEqual(await call.ended, { by: 'rejected', status: 503 })
})
