/**
 * What a client of the SDK addresses gets when upstream refuses after the upgrade: upstream's own `error` event and
 * close, as the API sends them; only what quotes the gateway's credential is left out.
 */
import test, { type ExecutionContext } from 'ava'
import { converse } from './converse.ts'
import { type FakeUpstream, fakeUpstream, gatewayFor } from './start.ts'

/** Not JSON.stringify's spelling, so that a frame that was written anew shows. */
const outOfQuota =
  '{"type":"error", "event_id":"event_A1","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"You exceeded your current quota.","param":null,"event_id":null}}'

const reason = 'insufficient_quota.insufficient_quota'
const path = '/v1/realtime'

/** Ends every session that is dialled. */
function closing(upstream: FakeUpstream, end: (socket: { close(...given: unknown[]): void }) => void): void {
  const next = async (): Promise<void> => {
    end((await upstream.session()).socket as never)
    return next()
  }
  void next()
}

async function refused(
  t: ExecutionContext,
  greeting: string,
  end: Parameters<typeof closing>[1],
  env: Record<string, string> = {},
) {
  const upstream = await fakeUpstream(t, { greeting })
  closing(upstream, end)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env })
  return { upstream, gateway }
}

for (const sdk of [path, '/openai/v1/realtime']) {
  test(`${sdk}: upstream's error event arrives byte for byte, then its close code and reason`, async t => {
    const { upstream, gateway } = await refused(t, outOfQuota, socket => socket.close(4000, reason))
    const talk = await converse(t, gateway.socketUrl + sdk)
    t.is((await talk.nextFrame()).text, outOfQuota)
    t.deepEqual(await talk.closed, { code: 4000, reason })
    t.is(upstream.dials, 1)
    const { fields } = await gateway.logged('upstream.failed')
    t.is(fields.code, 'upstream_refused')
    t.notRegex(JSON.stringify(gateway.lines), /exceeded your current quota/)
  })
}

test('an error event whose close never comes arrives too, and ends the session with the code of the gateway', async t => {
  const { gateway } = await refused(t, outOfQuota, () => undefined)
  const talk = await converse(t, gateway.socketUrl + path)
  t.is((await talk.nextFrame()).text, outOfQuota)
  t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_refused' })
})

test('an error event whose connection is cut arrives too', async t => {
  const { gateway } = await refused(t, outOfQuota, socket =>
    (socket as unknown as { terminate(): void }).terminate(),
  )
  const talk = await converse(t, gateway.socketUrl + path)
  t.is((await talk.nextFrame()).text, outOfQuota)
  t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_refused' })
})

test("a client of the preview gets upstream's refusal in its own dialect", async t => {
  const greeting =
    '{"type":"error","event_id":"e","error":{"type":"invalid_request_error","code":"invalid_value","message":"No.","param":"session.audio.output.voice","event_id":null}}'
  const { gateway } = await refused(t, greeting, socket => socket.close(4000, 'invalid_request_error'))
  const talk = await converse(t, `${gateway.socketUrl}/openai/realtime?api-version=2025-04-01-preview`)
  t.like(await talk.next(), { type: 'error', error: { code: 'invalid_value', param: 'session.voice' } })
  t.like(await talk.closed, { code: 4000 })
})

const key = 'sk-proj-0123456789abcdefWXYZ'

for (const quoted of [key, 'sk-proj-********************WXYZ']) {
  test(`a refusal that quotes the credential of the gateway as ${quoted.replace(key, 'it is')} arrives without its message`, async t => {
    const error = { type: 'invalid_request_error', code: 'invalid_api_key', param: null, event_id: null }
    const greeting = JSON.stringify({
      ...{ type: 'error', event_id: 'event_1' },
      error: { ...error, message: `Incorrect API key provided: ${quoted}.` },
    })
    const { gateway } = await refused(
      t,
      greeting,
      socket => socket.close(3000, `invalid_api_key ${quoted}`),
      {
        AZURE_OPENAI_API_KEY: key,
      },
    )
    const talk = await converse(t, gateway.socketUrl + path)
    const event = await talk.next()
    t.like(event, { type: 'error', error })
    t.notRegex(JSON.stringify([event, await talk.closed, gateway.lines]), /sk-proj|WXYZ/)
    t.like(await talk.closed, { code: 3000, reason: '' })
  })
}
