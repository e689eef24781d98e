/** The addresses of GPT-Live: not served, and refused by name, so that nobody takes the answer for a wrong address. */
import test from 'ava'
import OpenAI from 'openai'
import { converse } from './converse.ts'
import { gatewayFor } from './start.ts'

const refusal = /^GPT-Live is not served by this gateway; use the Realtime API at \/v1\/realtime$/

for (const base of ['/v1/live', '/openai/v1/live']) {
  test(`${base}: requests and sockets are refused by name`, async t => {
    const gateway = await gatewayFor(t)
    for (const path of ['', '/sessions', '/sessions/live_1/accept', '/sessions/live_1/content']) {
      for (const method of ['POST', 'GET']) {
        const answer = await fetch(gateway.url + base + path, { method })
        t.is(answer.status, 404)
        const { detail, error } = (await answer.json()) as { detail: string; error: object }
        t.regex(detail, refusal)
        t.like(error, { type: 'gateway_error', code: 'not_found' })
      }
      const fault = await t.throwsAsync(converse(t, gateway.socketUrl + base + path))
      t.regex(fault?.message ?? '', /^404 .*GPT-Live is not served/)
    }
    t.is((await fetch(`${gateway.url}${base}ly`)).status, 404)
    t.notRegex(await (await fetch(`${gateway.url}${base}ly`)).text(), /GPT-Live/)
  })
}

test("openai's client tells its user what the gateway said", async t => {
  const gateway = await gatewayFor(t)
  const client = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  await t.throwsAsync(client.post('/live/sessions', { body: {} }), { message: /404 GPT-Live is not served/ })
})

test('the model of GPT-Live is no model of a conversation', async t => {
  const gateway = await gatewayFor(t)
  await t.throwsAsync(converse(t, `${gateway.socketUrl}/v1/realtime?model=gpt-live-1`), {
    message: /^404 .*"gpt-live-1\\" is not configured here/,
  })
})
