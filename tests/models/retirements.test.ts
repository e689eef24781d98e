/** Warnings of models that end soon: in the log at the start, and in the body of `/readyz`. */
import test, { type ExecutionContext } from 'ava'
import { gatewayFor } from '../gateway/start.ts'

const azure = { AZURE_OPENAI_ENDPOINT: 'http://127.0.0.1:9', AZURE_OPENAI_API_KEY: 'k' }
const openai = { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }

/** What a start on a day warns of: by its log, which `/readyz` must repeat while it stays 200. */
async function warningsOn(t: ExecutionContext, day: string, env: Record<string, string>) {
  let today = new Date(day)
  const gateway = await gatewayFor(t, env, { now: () => today.getTime() })
  const ask = async () => {
    const answer = await fetch(`${gateway.url}/readyz`)
    t.is(answer.status, 200)
    const { status, warnings } = (await answer.json()) as { status: string; warnings?: string[] }
    t.is(status, 'ready')
    return warnings
  }
  const logged = gateway.lines
    .filter(({ level, event }) => level === 'warn' && event === 'model.warning')
    .map(({ fields }) => fields.message as string)
  t.deepEqual((await ask()) ?? [], logged)
  const later = (day: string) => {
    today = new Date(day)
    return ask()
  }
  return { logged, later }
}

test('the defaults have nothing to be warned of, and /readyz says no more than before', async t => {
  for (const env of [{}, openai, { ...azure, AZURE_OPENAI_DEPLOYMENT_NAME: 'mine' }])
    t.deepEqual((await warningsOn(t, '2026-11-28', env)).logged, [])
})

test('OpenAI models within 120 days of their end are named with the day and with what to set', async t => {
  const env = {
    OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1,gpt-realtime',
    CHAT_TRANSCRIPTION_MODEL: 'gpt-4o-mini-transcribe',
  }
  const expected = [
    'At OpenAI, gpt-realtime is retired on 2027-01-20, in 53 days: choose another for OPENAI_REALTIME_MODEL, such as gpt-realtime-2.1',
    'At OpenAI, gpt-4o-mini-transcribe is retired on 2027-02-26, in 90 days: choose another for CHAT_TRANSCRIPTION_MODEL, such as gpt-transcribe',
  ]
  t.deepEqual((await warningsOn(t, '2026-11-28', { ...openai, ...env })).logged, expected)
  // What a talk with the simulator is written for is dialled at OpenAI in the end.
  t.deepEqual((await warningsOn(t, '2026-11-28', env)).logged, expected)
  t.deepEqual((await warningsOn(t, '2026-09-01', { ...openai, ...env })).logged, [])
})

test('a gateway that runs for long tells of an end that has come near since its start', async t => {
  const { logged, later } = await warningsOn(t, '2026-09-01', {
    ...openai,
    OPENAI_REALTIME_MODEL: 'gpt-realtime',
  })
  t.deepEqual(logged, [])
  t.is((await later('2026-09-22'))?.length, 1)
  t.regex((await later('2027-01-20'))?.join() ?? '', /was retired on 2027-01-20/)
})

test('on Azure a deployment that is named like a model is taken for one, until AZURE_OPENAI_MODEL says of which it is', async t => {
  const named = { ...azure, AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime,voice' }
  const { logged } = await warningsOn(t, '2026-11-28', named)
  t.deepEqual(logged, [
    'On Azure, gpt-realtime is retired on 2027-03-02, in 94 days: if the deployment "gpt-realtime" is of that model, make one of a newer model; if it is of another, say so with AZURE_OPENAI_MODEL',
  ])
  const told = { ...named, AZURE_OPENAI_MODEL: 'gpt-realtime-1.5@2026-02-23, gpt-realtime-mini@2025-12-15' }
  t.deepEqual((await warningsOn(t, '2026-11-28', told)).logged, [
    'On Azure, gpt-realtime-mini 2025-12-15 is retired on 2026-12-15, in 17 days: make "voice" a deployment of a newer model',
  ])
})
